package crossdock

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"crossdock/bindings/adapter"
	"crossdock/bindings/keys"
	"crossdock/bindings/log"
	"crossdock/bindings/types"
	wit "crossdock/wit/types"
)

// Edit is what the host adds to a draft before it sends it.
type Edit struct{ wit adapter.Edit }

// SetQuery replaces the query pair of this name, or appends it.
func SetQuery(name, value string) Edit { return Edit{adapter.MakeEditSetQuery(pair(name, value))} }

// SetHeader replaces the header of this name, or appends it.
func SetHeader(name, value string) Edit { return Edit{adapter.MakeEditSetHeader(pair(name, value))} }

// ReplaceBody gives the request another body.
func ReplaceBody(body []byte) Edit { return Edit{adapter.MakeEditReplaceBody(witBody(body, false))} }

// SecretQuery has the host write a secret as a query parameter.
func SecretQuery(name, secret string) Edit {
	return Edit{adapter.MakeEditSecretQuery(pair(name, secret))}
}

// SecretHeader has the host write a secret as a header.
func SecretHeader(name, secret string) Edit {
	return Edit{adapter.MakeEditSecretHeader(pair(name, secret))}
}

func pair(name, value string) wit.Tuple2[string, string] {
	return wit.Tuple2[string, string]{F0: name, F1: value}
}

// Outcome is what became of one item.
type Outcome struct{ wit adapter.Outcome }

// Accepted: done, with the operation's result.
func Accepted(result any) Outcome { return Outcome{adapter.MakeOutcomeAccepted(valid(JSON(result)))} }

// Duplicate: the platform had already applied this item.
func Duplicate(result any) Outcome {
	return Outcome{adapter.MakeOutcomeDuplicate(valid(JSON(result)))}
}

// Rejected: refused for good, in the platform's words.
func Rejected(code, message string) Outcome {
	return Outcome{adapter.MakeOutcomeRejected(refusal(code, message))}
}

// Unauthenticated: the credentials are not accepted.
func Unauthenticated(code, message string) Outcome {
	return Outcome{adapter.MakeOutcomeUnauthenticated(refusal(code, message))}
}

// Unknown: the platform does not say whether it was applied.
func Unknown(code, message string) Outcome {
	return Outcome{adapter.MakeOutcomeUnknown(refusal(code, message))}
}

// Retry: transient. Of a request that is not repeatable, it promises that
// nothing was applied. Below 0, there is no time to wait.
func Retry(code, message string, afterMs int64) Outcome {
	return Outcome{adapter.MakeOutcomeRetry(pause(code, message, afterMs))}
}

// Throttled: the whole connection has to slow down.
func Throttled(code, message string, afterMs int64) Outcome {
	return Outcome{adapter.MakeOutcomeThrottled(pause(code, message, afterMs))}
}

func refusal(code, message string) adapter.Refusal {
	return adapter.Refusal{Code: valid(code), Message: valid(message)}
}

func pause(code, message string, afterMs int64) adapter.Pause {
	after := wit.None[uint32]()
	if afterMs >= 0 {
		after = wit.Some(uint32(min(afterMs, 1<<32-1)))
	}
	return adapter.Pause{AfterMs: after, Code: valid(code), Message: valid(message)}
}

// valid is text that may leave the sandbox: an answer may have bytes in it that
// are none.
func valid[T string | []byte](text T) string { return strings.ToValidUTF8(string(text), "\uFFFD") }

// Every gives the same outcome to every item of a request.
func Every(request Request, outcome Outcome) Parsed {
	outcomes := make([]Outcome, len(request.Items))
	for i := range outcomes {
		outcomes[i] = outcome
	}
	return Parsed{Outcomes: outcomes}
}

// HTTPFailure is what a status other than 2xx means for every item; ok is
// false for 2xx.
func HTTPFailure(request Request, reply Reply) (outcome Outcome, ok bool) {
	if reply.Status >= 200 && reply.Status < 300 {
		return Outcome{}, false
	}
	if reply.Status == 0 {
		return Unknown("no-answer", "no answer came; the platform may have applied the request"), true
	}
	code, message := fmt.Sprintf("http-%d", reply.Status), beginning(reply.Body)
	switch s := reply.Status; {
	case s == 401 || s == 403:
		return Unauthenticated(code, message), true
	case s == 429:
		return Throttled(code, message, retryAfter(reply)), true
	case s == 408 || s == 425 || s >= 500:
		if request.Repeatable {
			return Retry(code, message, retryAfter(reply)), true
		}
		return Unknown(code, message), true
	default:
		return Rejected(code, message), true
	}
}

// Seconds of Retry-After as milliseconds, or -1.
func retryAfter(reply Reply) int64 {
	for _, header := range reply.Headers {
		if strings.EqualFold(header[0], "retry-after") {
			if seconds, err := strconv.ParseInt(strings.TrimSpace(header[1]), 10, 32); err == nil && seconds >= 0 {
				return seconds * 1000
			}
		}
	}
	return -1
}

func beginning(body []byte) string {
	words := strings.Join(strings.Fields(valid(body[:min(len(body), 4096)])), " ")
	if words == "" {
		return "the answer has no body"
	}
	if letters := []rune(words); len(letters) > 200 {
		return string(letters[:200]) + "…"
	}
	return words
}

// Most levels of an answer: what reads it calls itself for each.
const mostLevels = 128

// levels of arrays and objects within each other.
func levels(text []byte) int {
	level, most, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '[' || c == '{'):
			level++
			most = max(most, level)
		case !quoted && (c == ']' || c == '}'):
			level--
		}
	}
	return most
}

// ReadJSON reads an answer; what is none is an unreadable answer.
func ReadJSON(reply Reply, into any) error {
	body := bytes.TrimPrefix(reply.Body, []byte("\xef\xbb\xbf"))
	if levels(body) > mostLevels {
		return InvalidReply("", "the answer has too many levels")
	}
	if err := json.Unmarshal(body, into); err != nil {
		return InvalidReply("", "the answer is not the JSON expected: "+err.Error())
	}
	return nil
}

// JSON writes a value compactly, without needless escapes.
func JSON(value any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// JSONDraft is a request with a body of JSON.
func JSONDraft(method, path string, value any) Draft {
	return Draft{Method: method, Path: path, Headers: []Pair{{"content-type", "application/json"}}, Body: JSON(value)}
}

// Chunk is one stretch of a message that is signed; at least one is a secret.
type Chunk struct{ wit keys.Chunk }

// Text is a chunk of text.
func Text(text string) Chunk { return Chunk{keys.MakeChunkText(text)} }

// Bytes is a chunk of bytes.
func Bytes(bytes []byte) Chunk { return Chunk{keys.MakeChunkBytes(bytes)} }

// Secret is the secret with this name: its bytes stay in the host.
func Secret(name string) Chunk { return Chunk{keys.MakeChunkSecret(name)} }

// Digest is a hash function.
type Digest = keys.Digest

// The hash functions.
const (
	MD5    = keys.DigestMd5
	SHA1   = keys.DigestSha1
	SHA256 = keys.DigestSha256
	SHA512 = keys.DigestSha512
)

// Hash gives the hash of the chunks. It works during Sign only.
func Hash(digest Digest, message ...Chunk) ([]byte, error) {
	return asked(keys.Hash(digest, chunks(message)))
}

// HMAC gives the last of the HMACs, of which each is the key of the next. It
// works during Sign only.
func HMAC(digest Digest, key []Chunk, messages ...[]Chunk) ([]byte, error) {
	made := make([][]keys.Chunk, len(messages))
	for i, message := range messages {
		made[i] = chunks(message)
	}
	return asked(keys.Hmac(digest, chunks(key), made))
}

func chunks(message []Chunk) []keys.Chunk {
	made := make([]keys.Chunk, len(message))
	for i, chunk := range message {
		made[i] = chunk.wit
	}
	return made
}

func asked(result wit.Result[[]uint8, keys.KeyError]) ([]byte, error) {
	if result.IsOk() {
		return result.Ok(), nil
	}
	switch err := result.Err(); err.Tag() {
	case keys.KeyErrorNotFound:
		return nil, InvalidSettings("", "the secret `"+err.NotFound()+"` is not set")
	case keys.KeyErrorNotPermitted:
		return nil, Fault{types.FaultOther, "", "`keys` works only during `sign`"}
	default:
		return nil, Fault{types.FaultOther, "", err.Other()}
	}
}

// Log writes a line that is kept with the delivery.
func Log(message string) { log.Write(log.LevelInfo, message) }
