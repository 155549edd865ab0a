package danube

import (
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/columns"
	types "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_types"
)

// Records takes what events become. Its methods return an error for what the host would refuse; who ignores it loses
// nothing, because the SDK remembers the first one and refuses the event for it.
type Records struct {
	made    *recordColumns
	origins []uint32
}

// Add makes a record of any value as JSON. A json.RawMessage is JSON text that is ready.
func (r *Records) Add(topic string, value any, options ...RecordOption) error {
	bytes := &r.made.Payloads.Bytes.Bytes
	encoded, err := encode(*bytes, value)
	if err != nil {
		return r.made.fail(err)
	}
	return r.push(topic, options, func() {
		*bytes = encoded
		r.made.NewPayload()
	})
}

// AddBytes makes a record of bytes as they are, for a topic whose schema is not a JSON one.
func (r *Records) AddBytes(topic string, payload []byte, options ...RecordOption) error {
	return r.push(topic, options, func() {
		r.made.Payloads.Bytes.Bytes = append(r.made.Payloads.Bytes.Bytes, payload...)
		r.made.NewPayload()
	})
}

// Forward makes a record of an event's own payload, unchanged: it does not cross the sandbox again. It goes to the topic of
// the event's endpoint unless the option [Topic] names another.
func (r *Records) Forward(event Event, options ...RecordOption) error {
	return r.push(event.Topic(), options, func() { r.made.Reuse(event.at) })
}

// Answer is what the waiting HTTP caller is answered instead of the host's own answer, once the event's records are
// durable. The status is within 200 to 499, the body at most 64 KiB.
func (r *Records) Answer(status int, contentType string, body []byte) error {
	if err := checkAnswer(status, contentType, body); err != nil {
		return r.made.fail(err)
	}
	for _, origin := range r.origins {
		r.made.answer(origin, uint16(status), contentType, body)
	}
	return nil
}

// From is for records that came from these events, at least one: of a [SourceBatchConnector].
func (r *Records) From(events ...Event) *Records {
	origins := make([]uint32, len(events))
	for i, event := range events {
		origins[i] = uint32(event.at)
	}
	return &Records{made: r.made, origins: origins}
}

// Reject refuses one event of a batch. Records that came from it are dropped.
func (r *Records) Reject(event Event, why error) { r.made.reject(event.at, why) }

func (r *Records) push(topic string, options []RecordOption, payload func()) error {
	given := recordOptions{topic: topic}
	for _, option := range options {
		option.ofRecord(&given)
	}
	if err := checkOutput(given.id, idBytesMax, r.origins); err != nil {
		return r.made.fail(err)
	}
	r.made.describe(&given)
	payload()
	r.made.From(r.origins)
	columns.PushLabel(&r.made.Labels, given.topic)
	return nil
}

func rejection(at int, why error) types.Rejection {
	refusal, ok := refused(why)
	if !ok {
		refusal = InvalidData("%s", why)
	}
	made := types.Rejection{Origin: uint32(at), Message: refusal.message}
	if refusal.kind == unsupported {
		made.Kind = 1
	}
	return made
}
