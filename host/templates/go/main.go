// The adapter __name__.
package main

import (
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"

	"crossdock"
)

// Most products the platform takes at once.
const mostSKUs = 50

// The examples are files beside it; `crossdock plugin build` adds them.
//
//go:embed manifest.json
var manifest string

type adapter struct{}

func init() { crossdock.Export(adapter{}) }

func main() {}

// question is what is sent, and read again where another page is asked for.
type question struct {
	Shop string   `json:"shop"`
	SKUs []string `json:"skus"`
	Page int      `json:"page"`
}

type answer struct {
	OK      *bool    `json:"ok"`
	Rows    *[]row   `json:"rows"`
	Unknown []string `json:"unknown"`
	More    bool     `json:"more"`
	Code    string   `json:"code"`
	Message string   `json:"message"`
}

type row struct {
	SKU      string `json:"sku"`
	Location string `json:"location"`
	// A json.Number keeps every digit.
	Quantity json.Number `json:"quantity"`
}

// place is a part of an item's result.
type place struct {
	Location string      `json:"location"`
	Quantity json.Number `json:"quantity"`
}

func (adapter) Describe() string { return manifest }

func (adapter) Map(ctx crossdock.Context, operation string, items []crossdock.Item) (crossdock.Mapped, error) {
	var mapped crossdock.Mapped
	if operation != "stock.query" {
		return mapped, crossdock.Unsupported(operation)
	}
	var settings struct {
		Shop string `json:"shop"`
	}
	if err := json.Unmarshal(ctx.Settings, &settings); err != nil {
		return mapped, crossdock.InvalidSettings("", err.Error())
	}
	var skus []string
	var indices []uint32
	for index, item := range items {
		var document struct {
			SKU string `json:"sku"`
		}
		if err := json.Unmarshal(item.Document, &document); err != nil {
			failure := crossdock.Failure{Item: uint32(index), Err: crossdock.InvalidInput("", err.Error())}
			mapped.Failures = append(mapped.Failures, failure)
			continue
		}
		skus, indices = append(skus, document.SKU), append(indices, uint32(index))
	}
	for len(skus) > 0 {
		n := min(len(skus), mostSKUs)
		draft := draftOf(question{settings.Shop, skus[:n], 1})
		mapped.Requests = append(mapped.Requests, crossdock.Request{Draft: draft, Items: indices[:n], Repeatable: true})
		skus, indices = skus[n:], indices[n:]
	}
	return mapped, nil
}

func (adapter) Sign(ctx crossdock.Context, _ string, draft crossdock.Draft) ([]crossdock.Edit, error) {
	time := strconv.FormatUint(ctx.NowMs/1000, 10)
	// The secret is named, not read: the host computes with it.
	key := []crossdock.Chunk{crossdock.Secret("app-secret")}
	message := []crossdock.Chunk{crossdock.Text(time), crossdock.Bytes(draft.Body)}
	sign, err := crossdock.HMAC(crossdock.SHA256, key, message)
	if err != nil {
		return nil, err
	}
	return []crossdock.Edit{
		crossdock.SetQuery("time", time),
		crossdock.SetQuery("sign", hex.EncodeToString(sign)),
	}, nil
}

func (adapter) ParseResponse(_ crossdock.Context, _ string, request crossdock.Request, reply crossdock.Reply) (crossdock.Parsed, error) {
	if outcome, failed := crossdock.HTTPFailure(request, reply); failed {
		return crossdock.Every(request, outcome), nil
	}
	var parsed crossdock.Parsed
	var answer answer
	if err := crossdock.ReadJSON(reply, &answer); err != nil {
		return parsed, err
	}
	// An answer that says nothing certain is a fault, not a guess.
	if answer.OK == nil {
		return parsed, crossdock.InvalidReply("/ok", "an answer says whether it is a success")
	}
	if !*answer.OK {
		return crossdock.Every(request, refused(answer)), nil
	}
	if answer.Rows == nil {
		return parsed, crossdock.InvalidReply("/rows", "a success has rows")
	}
	var asked question
	if err := json.Unmarshal(request.Draft.Body, &asked); err != nil {
		return parsed, err
	}
	for _, sku := range asked.SKUs {
		if slices.Contains(answer.Unknown, sku) {
			outcome := crossdock.Rejected("unknown-sku", "the platform does not know it")
			parsed.Outcomes = append(parsed.Outcomes, outcome)
			continue
		}
		stock := []place{}
		for _, row := range *answer.Rows {
			if row.SKU == sku {
				stock = append(stock, place{row.Location, row.Quantity})
			}
		}
		parsed.Outcomes = append(parsed.Outcomes, crossdock.Accepted(map[string]any{"stock": stock}))
	}
	// A page with nothing in it is the last one, whatever it says of more.
	if answer.More && len(*answer.Rows) > 0 {
		asked.Page++
		next := draftOf(asked)
		parsed.Next = &next
	}
	return parsed, nil
}

// draftOf gives a request without its signature. The body is written once:
// these bytes are signed, and these are sent.
func draftOf(question question) crossdock.Draft {
	return crossdock.JSONDraft("POST", "/v1/stock/query", question)
}

// refused is the platform's refusal, with its own code and message.
func refused(answer answer) crossdock.Outcome {
	switch answer.Code {
	case "E401":
		return crossdock.Unauthenticated(answer.Code, answer.Message)
	case "E429":
		return crossdock.Throttled(answer.Code, answer.Message, -1)
	default:
		return crossdock.Rejected(answer.Code, answer.Message)
	}
}
