// Package export is what the generated exports call: the adapter that was given
// to crossdock.Export.
package export

import (
	"crossdock/bindings/adapter"
	"crossdock/bindings/types"
	wit "crossdock/wit/types"
)

// The adapter's functions, in the contract's types.
var (
	Describe      func() string
	Map           func(ctx types.Context, operation string, items []adapter.Item) wit.Result[adapter.Mapped, types.Fault]
	Sign          func(ctx types.Context, operation string, draft types.Draft) wit.Result[[]adapter.Edit, types.Fault]
	ParseResponse func(ctx types.Context, operation string, request adapter.Request, reply adapter.Reply) wit.Result[adapter.Parsed, types.Fault]
)
