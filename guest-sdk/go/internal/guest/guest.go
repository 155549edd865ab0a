// Package guest connects the contract's functions with a connector, in a component and in a test alike.
package guest

import (
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_poller"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_sink"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_source"
	types "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_types"
	wit "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/types"
)

// A Source is the contract's interface `source`.
type Source interface {
	Initialize(types.Configuration) ([]string, *types.Failure)
	ProducerConfigs() ([]types.ProducerConfig, *types.Failure)
	Poll(danube_connector_source.EventBatch) (danube_connector_source.RecordBatch, *types.Failure)
}

// A Poller is the contract's interfaces `source` and `poller`.
type Poller interface {
	Source
	Fetch(danube_connector_poller.Room) (danube_connector_poller.Page, *types.Failure)
}

// A Sink is the contract's interface `sink`.
type Sink interface {
	Initialize(types.Configuration) ([]string, *types.Failure)
	ConsumerConfigs() ([]types.ConsumerConfig, *types.Failure)
	ProcessBatch(danube_connector_sink.MessageBatch) (danube_connector_sink.WriteBatch, *types.Failure)
}

// What this component is, as its `init` has said. One of them.
var (
	TheSource Source = notA("source")
	ThePoller Poller = notA("poller")
	TheSink   Sink   = notA("sink")
)

// Made by package danube, for package danubetest.
var (
	NewSource func(connector any) Poller
	NewSink   func(connector any) Sink
)

// Result is a value or a failure as the contract has it.
func Result[T any](value T, failure *types.Failure) wit.Result[T, types.Failure] {
	if failure != nil {
		return wit.Err[T](*failure)
	}
	return wit.Ok[T, types.Failure](value)
}
