package danubetest

import (
	"slices"
	"testing"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danube"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/columns"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/guest"
	contract "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_sink"
	types "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_types"
	wit "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/types"
)

// A SinkHarness is a sink connector, ready to be called. Its connector's name is `under-test`.
type SinkHarness struct {
	*Recorder
	t     testing.TB
	slot  guest.Sink
	wants []string
}

// Sink configures a connector. The test fails if it refuses: see [TrySink].
func Sink(t testing.TB, connector any, options ...Option) *SinkHarness {
	t.Helper()
	harness, err := TrySink(t, connector, options...)
	if err != nil {
		t.Fatal(err)
	}
	return harness
}

// TrySink configures a connector that may refuse its configuration, with a [Failure].
func TrySink(t testing.TB, connector any, options ...Option) (*SinkHarness, error) {
	t.Helper()
	given := chosen(options)
	harness := &SinkHarness{Recorder: record(t, given.http), t: t, slot: guest.NewSink(connector)}
	wants, refused := harness.slot.Initialize(configuration(t, given))
	if refused != nil {
		return nil, failure(refused)
	}
	harness.wants = wants
	return harness, nil
}

// Subscriptions are those that it consumes.
func (h *SinkHarness) Subscriptions() ([]danube.ConsumerConfig, error) {
	configs, refused := h.slot.ConsumerConfigs()
	if refused != nil {
		return nil, failure(refused)
	}
	var read []danube.ConsumerConfig
	for _, config := range configs {
		one := danube.ConsumerConfig{
			Topic: config.Topic, Subscription: config.Subscription, Type: danube.SubscriptionType(config.SubscriptionType),
		}
		if config.ExpectedSchemaSubject.Tag() == wit.OptionSome {
			one.SchemaSubject = config.ExpectedSchemaSubject.Some()
		}
		read = append(read, one)
	}
	return read, nil
}

// Process gives it a batch. The test fails if the whole call does: see [SinkHarness.TryProcess].
func (h *SinkHarness) Process(messages ...Delivered) Processed {
	h.t.Helper()
	processed, err := h.TryProcess(messages...)
	if err != nil {
		h.t.Fatal(err)
	}
	return processed
}

// TryProcess gives it a batch that may fail as a whole, with a [Failure].
func (h *SinkHarness) TryProcess(messages ...Delivered) (Processed, error) {
	made, failed := h.slot.ProcessBatch(h.columns(messages))
	if failed != nil {
		return Processed{}, failure(failed)
	}
	return processed(&made, messages), nil
}

func (h *SinkHarness) columns(messages []Delivered) (batch contract.MessageBatch) {
	wants := func(column danube.Column) bool { return slices.Contains(h.wants, string(column)) }
	var orders []uint64
	for _, message := range messages {
		columns.PushLabel(&batch.Topics, message.Topic)
		columns.PushBlob(&batch.Payloads, message.Payload)
		orders = append(orders, message.Order)
		if wants(danube.IDs) {
			columns.PushText(&batch.Ids, message.ID)
		}
		if wants(danube.Keys) {
			columns.PushText(&batch.Keys, message.Key)
		}
		if wants(danube.PublishTimes) {
			batch.PublishTimes = append(batch.PublishTimes, milliseconds(message.Published))
		}
		if wants(danube.Producers) {
			columns.PushLabel(&batch.Producers, message.Producer)
		}
		if wants(danube.Schemas) {
			columns.PushLabel(&batch.Schemas, message.Schema)
		}
		if wants(danube.Attributes) {
			pushPairs(&batch.Attributes, message.Attributes)
		}
	}
	if wants(danube.Orders) {
		column := types.NamedColumn{Name: string(danube.Orders), Values: types.MakeColumnNumbers(orders)}
		batch.Extra = append(batch.Extra, column)
	}
	return batch
}
