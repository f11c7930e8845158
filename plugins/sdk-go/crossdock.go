// Package crossdock is for adapters in Go: the contract as Go has it.
//
//	func init() { crossdock.Export(adapter{}) }
//	func main() {}
//
// An adapter is a pure function of its arguments: it has no clock, no network
// and no file, and it never sees a secret's bytes.
package crossdock

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"

	_ "crossdock/bindings" // the exports
	"crossdock/bindings/adapter"
	"crossdock/bindings/export"
	"crossdock/bindings/log"
	"crossdock/bindings/types"
	wit "crossdock/wit/types"
)

// Adapter is one platform's API.
type Adapter interface {
	// Describe gives the manifest, as JSON.
	Describe() string
	// Map turns documents of one operation into requests. Every index occurs
	// exactly once, in a request or in a failure.
	Map(ctx Context, operation string, items []Item) (Mapped, error)
	// Sign gives what authenticates one request.
	Sign(ctx Context, operation string, draft Draft) ([]Edit, error)
	// ParseResponse reads one outcome for each item of the request, in its order.
	ParseResponse(ctx Context, operation string, request Request, reply Reply) (Parsed, error)
}

// Context is everything about a call that is not its payload.
type Context struct {
	// NowMs is the time of this attempt, Unix milliseconds.
	NowMs uint64
	// Nonce is 32 lower-case hex digits, new for every attempt.
	Nonce string
	// Settings are the connection's, valid against the manifest's schema.
	Settings json.RawMessage
}

// Item is one document of an operation, valid against its schema.
type Item struct {
	Key      string
	Document json.RawMessage
}

// Pair is a query or header pair.
type Pair = [2]string

// Draft is a request without its authentication.
type Draft struct {
	Method string
	// Path is below the connection's base URL.
	Path string
	// Query is not encoded: the host does that.
	Query   []Pair
	Headers []Pair
	// Body is text unless Binary is set; nil for none.
	Body   []byte
	Binary bool
}

// Request carries one or more items.
type Request struct {
	Draft Draft
	Items []uint32
	// Repeatable: the platform ends in the same state when it arrives twice.
	Repeatable bool
}

// Failure is an item that cannot be sent.
type Failure struct {
	Item uint32
	Err  error
}

// Mapped is what Map gives.
type Mapped struct {
	Requests []Request
	Failures []Failure
}

// Reply is an answer of the platform. Status 0: none came.
type Reply struct {
	Status  uint16
	Headers []Pair
	Body    []byte
}

// Parsed is what ParseResponse gives; Next is a page or a read-back.
type Parsed struct {
	Outcomes []Outcome
	Next     *Draft
}

// Fault is an error that says whose it is. Any other error is the adapter's.
type Fault struct {
	kind    uint8
	pointer string
	message string
}

func (f Fault) Error() string { return f.message }

// InvalidInput: the document lacks or violates something at the pointer.
func InvalidInput(pointer, message string) error {
	return Fault{types.FaultInvalidInput, pointer, message}
}

// InvalidSettings: the connection's settings do not allow this.
func InvalidSettings(pointer, message string) error {
	return Fault{types.FaultInvalidSettings, pointer, message}
}

// InvalidReply: the platform's answer cannot be read at the pointer.
func InvalidReply(pointer, message string) error {
	return Fault{types.FaultInvalidReply, pointer, message}
}

// Unsupported: the adapter does not have this operation.
func Unsupported(operation string) error {
	return Fault{types.FaultUnsupported, "", operation}
}

// Export makes this the module's adapter. Call it in init.
func Export(a Adapter) {
	export.Describe = a.Describe
	export.Map = func(ctx types.Context, operation string, items []adapter.Item) wit.Result[adapter.Mapped, types.Fault] {
		return told(func() (adapter.Mapped, error) {
			given := make([]Item, len(items))
			for i, item := range items {
				given[i] = Item{item.Key, json.RawMessage(item.Document)}
			}
			mapped, err := a.Map(contextOf(ctx), operation, given)
			return witMapped(mapped), err
		})
	}
	export.Sign = func(ctx types.Context, operation string, draft types.Draft) wit.Result[[]adapter.Edit, types.Fault] {
		return told(func() ([]adapter.Edit, error) {
			edits, err := a.Sign(contextOf(ctx), operation, draftOf(draft))
			made := make([]adapter.Edit, len(edits))
			for i, edit := range edits {
				made[i] = edit.wit
			}
			return made, err
		})
	}
	export.ParseResponse = func(ctx types.Context, operation string, request adapter.Request, reply adapter.Reply) wit.Result[adapter.Parsed, types.Fault] {
		return told(func() (adapter.Parsed, error) {
			sent := Request{draftOf(request.Draft), request.Items, request.Repeatable}
			got := Reply{reply.Status, pairsOf(reply.Headers), nil}
			got.Body, _ = bodyOf(reply.Body)
			parsed, err := a.ParseResponse(contextOf(ctx), operation, sent, got)
			made := adapter.Parsed{Next: wit.None[types.Draft]()}
			for _, outcome := range parsed.Outcomes {
				made.Outcomes = append(made.Outcomes, outcome.wit)
			}
			if parsed.Next != nil {
				made.Next = wit.Some(witDraft(*parsed.Next))
			}
			return made, err
		})
	}
}

// A fault goes to the host as such; a panic becomes one, with its place.
func told[T any](work func() (T, error)) (result wit.Result[T, types.Fault]) {
	defer func() {
		if broken := recover(); broken != nil {
			place := ""
			for depth := 2; depth < 12; depth++ {
				_, file, line, ok := runtime.Caller(depth)
				if ok && !strings.Contains(file, "runtime/") {
					place = fmt.Sprintf("%s:%d: ", file[strings.LastIndexByte(file, '/')+1:], line)
					break
				}
			}
			message := valid(fmt.Sprintf("%spanic: %v", place, broken))
			log.Write(log.LevelError, message)
			result = wit.Err[T](types.MakeFaultOther(message))
		}
	}()
	value, err := work()
	if err != nil {
		return wit.Err[T](witFault(err))
	}
	return wit.Ok[T, types.Fault](value)
}

func contextOf(ctx types.Context) Context {
	return Context{ctx.NowMs, ctx.Nonce, json.RawMessage(ctx.Settings)}
}

func pairsOf(pairs []wit.Tuple2[string, string]) []Pair {
	made := make([]Pair, len(pairs))
	for i, pair := range pairs {
		made[i] = Pair{pair.F0, pair.F1}
	}
	return made
}

func bodyOf(body types.Body) (bytes []byte, binary bool) {
	switch body.Tag() {
	case types.BodyText:
		return []byte(body.Text()), false
	case types.BodyBytes:
		return body.Bytes(), true
	default:
		return nil, false
	}
}

func draftOf(draft types.Draft) Draft {
	body, binary := bodyOf(draft.Body)
	return Draft{draft.Method, draft.Path, pairsOf(draft.Query), pairsOf(draft.Headers), body, binary}
}

func witPairs(pairs []Pair) []wit.Tuple2[string, string] {
	made := make([]wit.Tuple2[string, string], len(pairs))
	for i, pair := range pairs {
		made[i] = wit.Tuple2[string, string]{F0: pair[0], F1: pair[1]}
	}
	return made
}

func witBody(body []byte, binary bool) types.Body {
	switch {
	case body == nil:
		return types.MakeBodyEmpty()
	case binary:
		return types.MakeBodyBytes(body)
	default:
		return types.MakeBodyText(string(body))
	}
}

func witDraft(d Draft) types.Draft {
	return types.Draft{Method: d.Method, Path: d.Path, Query: witPairs(d.Query), Headers: witPairs(d.Headers), Body: witBody(d.Body, d.Binary)}
}

func witFault(err error) types.Fault {
	var fault Fault
	if !errors.As(err, &fault) {
		return types.MakeFaultOther(valid(err.Error()))
	}
	detail := types.Detail{Pointer: valid(fault.pointer), Message: valid(fault.message)}
	switch fault.kind {
	case types.FaultInvalidInput:
		return types.MakeFaultInvalidInput(detail)
	case types.FaultInvalidSettings:
		return types.MakeFaultInvalidSettings(detail)
	case types.FaultInvalidReply:
		return types.MakeFaultInvalidReply(detail)
	case types.FaultUnsupported:
		return types.MakeFaultUnsupported(valid(fault.message))
	default:
		return types.MakeFaultOther(valid(fault.message))
	}
}

func witMapped(mapped Mapped) adapter.Mapped {
	var made adapter.Mapped
	for _, r := range mapped.Requests {
		made.Requests = append(made.Requests, adapter.Request{Draft: witDraft(r.Draft), Items: r.Items, Repeatable: r.Repeatable})
	}
	for _, f := range mapped.Failures {
		made.Failures = append(made.Failures, adapter.Failure{Item: f.Item, Fault: witFault(f.Err)})
	}
	return made
}
