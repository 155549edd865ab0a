package danubetest

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danube"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/columns"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/guest"
	contract "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_source"
	types "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_types"
)

// A SourceHarness is a source connector, ready to be called. Its connector's name is `under-test`.
type SourceHarness struct {
	*Recorder
	t     testing.TB
	slot  guest.Source
	wants []string
}

// Source configures a connector. The test fails if it refuses: see [TrySource].
func Source(t testing.TB, connector any, options ...Option) *SourceHarness {
	t.Helper()
	harness, err := TrySource(t, connector, options...)
	if err != nil {
		t.Fatal(err)
	}
	return harness
}

// TrySource configures a connector that may refuse its configuration, with a [Failure].
func TrySource(t testing.TB, connector any, options ...Option) (*SourceHarness, error) {
	t.Helper()
	harness, _, err := startSource(t, guest.NewSource(connector), options)
	return harness, err
}

func startSource(t testing.TB, slot guest.Source, options []Option) (*SourceHarness, settings, error) {
	t.Helper()
	given := chosen(options)
	harness := &SourceHarness{Recorder: record(t, given.http), t: t, slot: slot}
	wants, refused := harness.slot.Initialize(configuration(t, given))
	if refused != nil {
		return nil, given, failure(refused)
	}
	harness.wants = wants
	return harness, given, nil
}

func chosen(options []Option) (given settings) {
	for _, option := range options {
		option(&given)
	}
	return given
}

func configuration(t testing.TB, given settings) types.Configuration {
	text, err := json.Marshal(given)
	if err != nil {
		t.Fatal(err)
	}
	return types.Configuration{Connector: "under-test", Settings: string(text)}
}

// Topics are those that it publishes to.
func (h *SourceHarness) Topics() ([]danube.ProducerConfig, error) {
	configs, refused := h.slot.ProducerConfigs()
	if refused != nil {
		return nil, failure(refused)
	}
	var read []danube.ProducerConfig
	for _, config := range configs {
		read = append(read, danube.ProducerConfig{
			Topic: config.Topic, Partitions: config.Partitions, Reliable: config.ReliableDispatch,
		})
	}
	return read, nil
}

// Poll gives it a batch. The test fails if the whole call does: see [SourceHarness.TryPoll].
func (h *SourceHarness) Poll(events ...Incoming) Polled {
	h.t.Helper()
	polled, err := h.TryPoll(events...)
	if err != nil {
		h.t.Fatal(err)
	}
	return polled
}

// TryPoll gives it a batch that may fail as a whole, with a [Failure].
func (h *SourceHarness) TryPoll(events ...Incoming) (Polled, error) {
	made, failed := h.slot.Poll(h.columns(events))
	if failed != nil {
		return Polled{}, failure(failed)
	}
	return polled(&made, events), nil
}

func (h *SourceHarness) columns(events []Incoming) (batch contract.EventBatch) {
	wants := func(column danube.Column) bool { return slices.Contains(h.wants, string(column)) }
	for _, event := range events {
		columns.PushLabel(&batch.Endpoints, event.Endpoint)
		columns.PushBlob(&batch.Payloads, event.Payload)
		if wants(danube.IDs) {
			columns.PushText(&batch.Ids, event.ID)
		}
		if wants(danube.Keys) {
			columns.PushText(&batch.Keys, event.Key)
		}
		if wants(danube.ContentTypes) {
			columns.PushLabel(&batch.ContentTypes, event.ContentType)
		}
		if wants(danube.ReceivedTimes) {
			batch.Received = append(batch.Received, milliseconds(event.Received))
		}
		if wants(danube.Attributes) {
			pushPairs(&batch.Attributes, event.Attributes)
		}
		if wants(danube.Headers) {
			pushPairs(&batch.Headers, event.Headers)
		}
	}
	return batch
}
