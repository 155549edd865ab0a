package danubetest

import (
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/columns"
	contract "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_sink"
)

// Processed is what came back from a sink.
type Processed struct {
	Writes  []Written
	Refused []Refused
}

// A Written is a write to the target.
type Written struct {
	// Operation is `insert`, `upsert`, `merge` or `delete`.
	Operation string
	Table     string
	Payload   []byte
	// Forwarded says that the payload is a message's own, which did not cross the sandbox again.
	Forwarded bool
	// Origins are the messages that it came from, by their places.
	Origins []int
	ID      string
	Order   uint64
}

var operations = [...]string{"insert", "upsert", "merge", "delete"}

func processed(made *contract.WriteBatch, messages []Delivered) Processed {
	read := Processed{Refused: refusals(made.Rejected)}
	for at := range made.Targets.Index {
		bytes, forwarded := payload(&made.Payloads, at, func(input int) []byte { return messages[input].Payload })
		write := Written{
			Operation: operations[0],
			Table:     columns.Label(&made.Targets, at),
			Payload:   bytes,
			Forwarded: forwarded,
			Origins:   origins(&made.Origins, at),
			ID:        columns.Text(&made.Ids, at),
		}
		if at < len(made.Operations) {
			write.Operation = operations[made.Operations[at]]
		}
		if at < len(made.Orders) {
			write.Order = made.Orders[at]
		}
		read.Writes = append(read.Writes, write)
	}
	return read
}
