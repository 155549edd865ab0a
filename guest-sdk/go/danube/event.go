package danube

import (
	"iter"
	"time"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/columns"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_source"
)

// An Event is what came in through an endpoint.
type Event struct {
	batch *danube_connector_source.EventBatch
	slot  *source
	at    int
}

// Endpoint is where it came through; for HTTP, the path as configured.
func (e Event) Endpoint() string { return columns.Label(&e.batch.Endpoints, e.at) }

// Topic is the topic of its endpoint, as configured.
func (e Event) Topic() string { return e.slot.topics[e.Endpoint()] }

// Bytes is what was sent. It is not to be written to.
func (e Event) Bytes() []byte { return columns.Blob(&e.batch.Payloads, e.at) }

// Text is what was sent, as text; [InvalidData] if it is not UTF-8.
func (e Event) Text() (string, error) { return text(e.Bytes()) }

// JSON reads what was sent into a value; [InvalidData] if it is no JSON or does not fit.
func (e Event) JSON(v any) error { return decode(e.Bytes(), v) }

// ID is the sender's id where the endpoint says where to find it, else one that the host made.
func (e Event) ID() string { return columns.Text(&e.batch.Ids, e.at) }

// Key is the key that the transport gave; empty if none.
func (e Event) Key() []byte { return columns.Blob(&e.batch.Keys, e.at) }

// ContentType is the media type that the sender claimed, such as `application/json`; empty if none.
func (e Event) ContentType() string { return columns.Label(&e.batch.ContentTypes, e.at) }

// Received is when it arrived.
func (e Event) Received() time.Time { return moment(e.batch.Received, e.at) }

// Attribute is what the transport knows under this name: for HTTP `method`, `path`, `query`, `client-ip`.
func (e Event) Attribute(name string) (value string, ok bool) {
	return columns.Pair(&e.batch.Attributes, e.at, name)
}

// Attributes is all that the transport knows.
func (e Event) Attributes() iter.Seq2[string, string] {
	return columns.Pairs(&e.batch.Attributes, e.at)
}

// Header is a header that the sender set, by its name in lower case; the first, if there are several. Headers that carry
// credentials are not given.
func (e Event) Header(name string) (value string, ok bool) {
	return columns.Pair(&e.batch.Headers, e.at, name)
}

// Headers are all that are given, names in lower case.
func (e Event) Headers() iter.Seq2[string, string] { return columns.Pairs(&e.batch.Headers, e.at) }

func moment(milliseconds []uint64, at int) time.Time {
	if at >= len(milliseconds) {
		return time.Time{}
	}
	return time.UnixMilli(int64(milliseconds[at])).UTC()
}
