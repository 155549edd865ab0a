// Package export_danube_connector_source is what the generated exports of world `source-connector` call.
package export_danube_connector_source

import (
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/guest"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_source"
	types "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_types"
	wit "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/types"
)

// Initialize is `initialize` of the contract.
func Initialize(config types.Configuration) wit.Result[[]string, types.Failure] {
	return guest.Result(guest.TheSource.Initialize(config))
}

// ProducerConfigs is `producer-configs` of the contract.
func ProducerConfigs() wit.Result[[]types.ProducerConfig, types.Failure] {
	return guest.Result(guest.TheSource.ProducerConfigs())
}

// Poll is `poll` of the contract.
func Poll(events danube_connector_source.EventBatch) wit.Result[danube_connector_source.RecordBatch, types.Failure] {
	return guest.Result(guest.TheSource.Poll(events))
}
