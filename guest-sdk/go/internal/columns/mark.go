package columns

import types "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_types"

// A Mark is how far outputs had come, so that those of an input that is refused after all can be taken back.
type Mark struct {
	outputs, payloadBytes, payloads, reuse, index, ids, idBytes int
}

// Mark notes where the next output will be.
func (o *Outputs) Mark() Mark {
	return Mark{
		outputs:      o.Len(),
		payloadBytes: len(o.Payloads.Bytes.Bytes),
		payloads:     len(o.Payloads.Bytes.Ends),
		reuse:        len(o.Payloads.Reuse),
		index:        len(o.Origins.Index),
		ids:          len(o.Ids.Ends),
		idBytes:      len(o.Ids.Bytes),
	}
}

// Outputs is how many outputs there were.
func (m Mark) Outputs() int { return m.outputs }

// Rollback takes back what came after the mark.
func (o *Outputs) Rollback(m Mark) {
	o.Labels.Index = o.Labels.Index[:m.outputs]
	o.Payloads.Bytes.Bytes = o.Payloads.Bytes.Bytes[:m.payloadBytes]
	o.Payloads.Bytes.Ends = o.Payloads.Bytes.Ends[:m.payloads]
	o.Payloads.Reuse = o.Payloads.Reuse[:m.reuse]
	o.Origins.Ends = o.Origins.Ends[:m.outputs]
	o.Origins.Index = o.Origins.Index[:m.index]
	o.Ids.Ends = o.Ids.Ends[:m.ids]
	o.Ids.Bytes = o.Ids.Bytes[:m.idBytes]
}

// RollbackBlobs takes back values from place n on, of a column that may be shorter.
func RollbackBlobs(column *types.Blobs, n int) {
	if n >= len(column.Ends) {
		return
	}
	column.Ends = column.Ends[:n]
	column.Bytes = column.Bytes[:lastEnd(column.Ends)]
}

// RollbackPairs takes back sets from place n on, and pairs of a set that was not ended.
func RollbackPairs(column *types.Attributes, n int) {
	if n < len(column.Ends) {
		column.Ends = column.Ends[:n]
	}
	pairs := int(lastEnd(column.Ends))
	RollbackBlobs(&column.Names, pairs)
	RollbackBlobs(&column.Values, pairs)
}

func lastEnd(ends []uint32) uint32 {
	if len(ends) == 0 {
		return 0
	}
	return ends[len(ends)-1]
}
