package danubetest

import (
	"time"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/columns"
	contract "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_source"
)

// Polled is what came back from a source.
type Polled struct {
	Records []Published
	Refused []Refused
	Answers []Answered
}

// A Published is a record to publish.
type Published struct {
	Topic   string
	Payload []byte
	// Forwarded says that the payload is an event's own, which did not cross the sandbox again.
	Forwarded bool
	// Origins are the events that it came from, by their places.
	Origins    []int
	ID         string
	Key        string
	Attributes map[string]string
}

// An Answered is an answer for a waiting caller.
type Answered struct {
	// Origin is the event, by its place.
	Origin      int
	Status      int
	ContentType string
	Body        string
}

func polled(made *contract.RecordBatch, events []Incoming) Polled {
	read := Polled{Refused: refusals(made.Rejected)}
	for at := range made.Topics.Index {
		bytes, forwarded := payload(&made.Payloads, at, func(input int) []byte { return events[input].Payload })
		read.Records = append(read.Records, Published{
			Topic:      columns.Label(&made.Topics, at),
			Payload:    bytes,
			Forwarded:  forwarded,
			Origins:    origins(&made.Origins, at),
			ID:         columns.Text(&made.Ids, at),
			Key:        columns.Text(&made.Keys, at),
			Attributes: pairs(&made.Attributes, at),
		})
	}
	for _, answer := range made.Answers {
		read.Answers = append(read.Answers, Answered{
			int(answer.Origin), int(answer.Status), answer.ContentType, string(answer.Body),
		})
	}
	return read
}

func milliseconds(at time.Time) uint64 {
	if at.IsZero() {
		return 0
	}
	return uint64(at.UnixMilli())
}
