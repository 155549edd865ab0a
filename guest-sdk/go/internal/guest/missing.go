package guest

import (
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_poller"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_sink"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_source"
	types "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_types"
)

// notA fails every call of the kind that the component is built as while its code has no connector of it.
type notA string

func (kind notA) failure() *types.Failure {
	calls := map[notA]string{
		"source": "danube.Source(&T{})", "poller": "danube.PollingSource(&T{})", "sink": "danube.Sink(&T{})",
	}
	return &types.Failure{
		Kind: types.FailureKindFatal,
		Message: "the component is built as a " + string(kind) + " and has none: call " + calls[kind] +
			" in an init function, or correct `kind` in connector.toml",
	}
}

func (kind notA) Initialize(types.Configuration) ([]string, *types.Failure) {
	return nil, kind.failure()
}

func (kind notA) ProducerConfigs() ([]types.ProducerConfig, *types.Failure) {
	return nil, kind.failure()
}

func (kind notA) ConsumerConfigs() ([]types.ConsumerConfig, *types.Failure) {
	return nil, kind.failure()
}

func (kind notA) Poll(danube_connector_source.EventBatch) (danube_connector_source.RecordBatch, *types.Failure) {
	return danube_connector_source.RecordBatch{}, kind.failure()
}

func (kind notA) Fetch(danube_connector_poller.Room) (danube_connector_poller.Page, *types.Failure) {
	return danube_connector_poller.Page{}, kind.failure()
}

func (kind notA) ProcessBatch(danube_connector_sink.MessageBatch) (danube_connector_sink.WriteBatch, *types.Failure) {
	return danube_connector_sink.WriteBatch{}, kind.failure()
}
