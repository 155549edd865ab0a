package danube

import (
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/columns"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_source"
	types "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_types"
)

// recordColumns are the records of a batch on their way back to the host.
type recordColumns struct {
	columns.Outputs
	keys       types.Blobs
	attributes types.Attributes
	answers    []danube_connector_source.Answer
	// The first error that the connector was given for the event at hand.
	err error
}

type recordMark struct {
	columns.Mark
	answers int
}

func (c *recordColumns) fail(err error) error {
	if c.err == nil {
		c.err = err
	}
	return err
}

// describe says what the next record has beside its payload.
func (c *recordColumns) describe(given *recordOptions) {
	if given.id != "" {
		c.SetID(given.id)
	}
	if given.key != "" {
		columns.FillBlobs(&c.keys, c.Len())
		columns.PushText(&c.keys, given.key)
	}
	if len(given.attributes) > 0 {
		columns.FillPairs(&c.attributes, c.Len())
		for _, attribute := range given.attributes {
			columns.PushPair(&c.attributes, attribute.name, attribute.value)
		}
		columns.EndPairs(&c.attributes)
	}
}

// answer keeps the last one of an event.
func (c *recordColumns) answer(origin uint32, status uint16, contentType string, body []byte) {
	made := danube_connector_source.Answer{Origin: origin, Status: status, ContentType: contentType, Body: body}
	for i := range c.answers {
		if c.answers[i].Origin == origin {
			c.answers[i] = made
			return
		}
	}
	c.answers = append(c.answers, made)
}

func (c *recordColumns) reject(at int, why error) {
	kept := c.answers[:0]
	for _, answer := range c.answers {
		if answer.Origin != uint32(at) {
			kept = append(kept, answer)
		}
	}
	c.answers = kept
	c.Rejected = append(c.Rejected, rejection(at, why))
}

func (c *recordColumns) mark() recordMark {
	return recordMark{Mark: c.Mark(), answers: len(c.answers)}
}

func (c *recordColumns) rollback(mark recordMark) {
	c.Rollback(mark.Mark)
	columns.RollbackBlobs(&c.keys, mark.Outputs())
	columns.RollbackPairs(&c.attributes, mark.Outputs())
	c.answers = c.answers[:mark.answers]
}

func (c *recordColumns) finish() danube_connector_source.RecordBatch {
	c.Finish()
	if len(c.keys.Ends) > 0 {
		columns.FillBlobs(&c.keys, c.Len())
	}
	if len(c.attributes.Ends) > 0 {
		columns.FillPairs(&c.attributes, c.Len())
	}
	return danube_connector_source.RecordBatch{
		Topics: c.Labels, Payloads: c.Payloads, Origins: c.Origins, Ids: c.Ids,
		Keys: c.keys, Attributes: c.attributes, Rejected: c.Rejected, Answers: c.answers,
	}
}
