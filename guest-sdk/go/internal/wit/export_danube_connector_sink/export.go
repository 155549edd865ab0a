// Package export_danube_connector_sink is what the generated exports of world `sink-connector` call.
package export_danube_connector_sink

import (
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/guest"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_sink"
	types "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_types"
	wit "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/types"
)

// Initialize is `initialize` of the contract.
func Initialize(config types.Configuration) wit.Result[[]string, types.Failure] {
	return guest.Result(guest.TheSink.Initialize(config))
}

// ConsumerConfigs is `consumer-configs` of the contract.
func ConsumerConfigs() wit.Result[[]types.ConsumerConfig, types.Failure] {
	return guest.Result(guest.TheSink.ConsumerConfigs())
}

// ProcessBatch is `process-batch` of the contract.
func ProcessBatch(messages danube_connector_sink.MessageBatch) wit.Result[danube_connector_sink.WriteBatch, types.Failure] {
	return guest.Result(guest.TheSink.ProcessBatch(messages))
}
