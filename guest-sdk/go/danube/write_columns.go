package danube

import (
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/columns"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_sink"
)

// writeColumns are the writes of a batch on their way back to the host.
type writeColumns struct {
	columns.Outputs
	operations []uint8
	orders     []uint64
	// The first error that the connector was given for the message at hand.
	err error
}

func (c *writeColumns) fail(err error) error {
	if c.err == nil {
		c.err = err
	}
	return err
}

// describe says what the next write has beside its payload.
func (c *writeColumns) describe(operation uint8, given *writeOptions) {
	if given.id != "" {
		c.SetID(given.id)
	}
	if operation != opInsert {
		c.operations = append(columns.FillNumbers(c.operations, c.Len()), operation)
	}
	if given.order != 0 {
		c.orders = append(columns.FillNumbers(c.orders, c.Len()), given.order)
	}
}

func (c *writeColumns) rollback(mark columns.Mark) {
	c.Rollback(mark)
	c.operations = c.operations[:min(len(c.operations), mark.Outputs())]
	c.orders = c.orders[:min(len(c.orders), mark.Outputs())]
}

func (c *writeColumns) finish() danube_connector_sink.WriteBatch {
	c.Finish()
	if len(c.operations) > 0 {
		c.operations = columns.FillNumbers(c.operations, c.Len())
	}
	if len(c.orders) > 0 {
		c.orders = columns.FillNumbers(c.orders, c.Len())
	}
	return danube_connector_sink.WriteBatch{
		Targets: c.Labels, Payloads: c.Payloads, Origins: c.Origins, Ids: c.Ids,
		Operations: c.operations, Orders: c.orders, Rejected: c.Rejected,
	}
}
