package danube

import (
	"math"
	"time"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/columns"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_poller"
	types "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_types"
	wit "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/types"
)

// Page takes the events of one fetch, in the order in which they are to be published. Its methods return an error for what the
// host would refuse; who ignores it loses nothing, because the SDK remembers the first one and fails the fetch for it.
type Page struct {
	payloads, ids, keys types.Blobs
	attributes          types.Attributes
	again               wit.Option[uint32]
	err                 error
}

// Len is how many events there are so far.
func (p *Page) Len() int { return len(p.payloads.Ends) }

// Bytes is how many bytes of payloads there are so far.
func (p *Page) Bytes() int { return len(p.payloads.Bytes) }

// Add adds an event of any value as JSON. A json.RawMessage is JSON text that is ready. Its [ID] is the same however often it is
// fetched; without one the host makes it of the payload, and events of equal payloads are one.
func (p *Page) Add(value any, options ...RecordOption) error {
	encoded, err := encode(p.payloads.Bytes, value)
	if err != nil {
		return p.fail(err)
	}
	return p.push(options, func() { p.payloads.Bytes = encoded })
}

// AddBytes adds an event of bytes as they are.
func (p *Page) AddBytes(payload []byte, options ...RecordOption) error {
	return p.push(options, func() { p.payloads.Bytes = append(p.payloads.Bytes, payload...) })
}

// AgainAfter fetches again after so long instead of the interval of the pipeline file: 0, at once, where there is more.
func (p *Page) AgainAfter(wait time.Duration) {
	p.again = wit.Some(uint32(min(max(wait.Milliseconds(), 0), math.MaxUint32)))
}

func (p *Page) push(options []RecordOption, payload func()) error {
	var given recordOptions
	for _, option := range options {
		option.ofRecord(&given)
	}
	if given.id != "" {
		if err := checkID(given.id, idBytesMax); err != nil {
			return p.fail(err)
		}
		columns.FillBlobs(&p.ids, p.Len())
		columns.PushText(&p.ids, given.id)
	}
	if given.key != "" {
		columns.FillBlobs(&p.keys, p.Len())
		columns.PushText(&p.keys, given.key)
	}
	if len(given.attributes) > 0 {
		columns.FillPairs(&p.attributes, p.Len())
		for _, attribute := range given.attributes {
			columns.PushPair(&p.attributes, attribute.name, attribute.value)
		}
		columns.EndPairs(&p.attributes)
	}
	payload()
	columns.EndBlob(&p.payloads)
	return nil
}

func (p *Page) fail(err error) error {
	if p.err == nil {
		p.err = err
	}
	return err
}

func (p *Page) finish() danube_connector_poller.Page {
	for _, column := range []*types.Blobs{&p.ids, &p.keys} {
		if len(column.Ends) > 0 {
			columns.FillBlobs(column, p.Len())
		}
	}
	if len(p.attributes.Ends) > 0 {
		columns.FillPairs(&p.attributes, p.Len())
	}
	return danube_connector_poller.Page{
		Payloads: p.payloads, Ids: p.ids, Keys: p.keys, Attributes: p.attributes, AgainAfterMs: p.again,
	}
}
