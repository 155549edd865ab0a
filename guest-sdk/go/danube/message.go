package danube

import (
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/columns"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_sink"
)

// A Message was published to a topic.
type Message struct {
	batch *danube_connector_sink.MessageBatch
	slot  *sink
	at    int
}

// Topic is the topic, without its partition.
func (m Message) Topic() string { return columns.Label(&m.batch.Topics, m.at) }

// Table is the table of its topic's mapping, as configured.
func (m Message) Table() string { return m.slot.tables[m.Topic()] }

// Bytes is what was published. It is not to be written to.
func (m Message) Bytes() []byte { return columns.Blob(&m.batch.Payloads, m.at) }

// Text is what was published, as text; [InvalidData] if it is not UTF-8.
func (m Message) Text() (string, error) { return text(m.Bytes()) }

// JSON reads what was published into a value; [InvalidData] if it is no JSON or does not fit.
func (m Message) JSON(v any) error { return decode(m.Bytes(), v) }

// ID is the record's id, the same at every delivery.
func (m Message) ID() string { return columns.Text(&m.batch.Ids, m.at) }

// Key is the routing key; empty if none.
func (m Message) Key() []byte { return columns.Blob(&m.batch.Keys, m.at) }

// Published is when it was published.
func (m Message) Published() time.Time { return moment(m.batch.PublishTimes, m.at) }

// Order is its place among all records of this pipeline, however many partitions they came through: a record that was
// published later has a higher number. The option [Order] takes it, so that the newest record decides what a document is,
// whatever comes late or again. A host that has no such column gives the publish time, in milliseconds, where that is
// wanted.
func (m Message) Order() uint64 {
	if orders := columns.Numbers(m.batch.Extra, string(Orders)); m.at < len(orders) {
		return orders[m.at]
	}
	if m.at < len(m.batch.PublishTimes) {
		return m.batch.PublishTimes[m.at]
	}
	return 0
}

// Producer is who published it.
func (m Message) Producer() string { return columns.Label(&m.batch.Producers, m.at) }

// A Schema is what a message was published with.
type Schema struct {
	Subject string
	// Version is 0 if the broker does not know it.
	Version uint32
}

// Schema is what it was published with, if it has one.
func (m Message) Schema() (schema Schema, ok bool) {
	label := columns.Label(&m.batch.Schemas, m.at)
	at := strings.LastIndexByte(label, '@')
	if version, err := strconv.ParseUint(label[at+1:], 10, 32); at >= 0 && err == nil {
		return Schema{Subject: label[:at], Version: uint32(version)}, true
	}
	return Schema{Subject: label}, label != ""
}

// Attribute is the attribute of this name.
func (m Message) Attribute(name string) (value string, ok bool) {
	return columns.Pair(&m.batch.Attributes, m.at, name)
}

// Attributes are all of them.
func (m Message) Attributes() iter.Seq2[string, string] {
	return columns.Pairs(&m.batch.Attributes, m.at)
}
