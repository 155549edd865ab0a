package danube

import (
	"log/slog"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/guest"
)

// A SourceConnector turns events into records. Its fields with a `danube` tag are its settings.
//
// An error of [InvalidData] or [Unsupported], an error that is none of this package's, and a panic refuse this one event;
// the rest of the batch goes on. [Retryable], [Fatal] and [Configuration] fail the whole batch.
type SourceConnector interface {
	Event(e Event, out *Records) error
}

// A SourceBatchConnector sees a whole batch, for example to make one record of many events: see [Records.From]. Its error
// fails the batch; refuse single events with [Records.Reject].
type SourceBatchConnector interface {
	Events(batch []Event, out *Records) error
}

// A SinkConnector turns messages into writes. Its fields with a `danube` tag are its settings. Errors are as those of a
// [SourceConnector].
type SinkConnector interface {
	Message(m Message, out *Writes) error
}

// A SinkBatchConnector sees a whole batch, for example to make one write of many messages: see [Writes.From].
type SinkBatchConnector interface {
	Messages(batch []Message, out *Writes) error
}

// A Starter is told once how it was configured, after its settings are in its fields. Its error keeps it from starting.
type Starter interface {
	Start(config Config) error
}

// A Chooser says what it reads of inputs beside their payload and their endpoint or topic. Others are given everything.
type Chooser interface {
	Wants() []Column
}

// A TopicChooser publishes to other topics than those of its endpoints.
type TopicChooser interface {
	Topics() ([]ProducerConfig, error)
}

// A SubscriptionChooser consumes other topics than those of its mappings.
type SubscriptionChooser interface {
	Subscriptions() ([]ConsumerConfig, error)
}

// Source makes this component a source. Call it in an init function, with a pointer to a [SourceConnector] or
// [SourceBatchConnector].
func Source(connector any) {
	slog.SetDefault(slog.New(LogHandler{}))
	guest.TheSource = newSource(connector)
}

// Sink makes this component a sink. Call it in an init function, with a pointer to a [SinkConnector] or
// [SinkBatchConnector].
func Sink(connector any) {
	slog.SetDefault(slog.New(LogHandler{}))
	guest.TheSink = newSink(connector)
}

func init() {
	guest.NewSource = func(connector any) guest.Poller { return newSource(connector) }
	guest.NewSink = func(connector any) guest.Sink { return newSink(connector) }
}
