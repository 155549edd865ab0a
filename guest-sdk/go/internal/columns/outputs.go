package columns

import types "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_types"

// Outputs are the columns that records and writes have in common.
type Outputs struct {
	Labels   types.Labels
	Payloads types.Payloads
	Origins  types.Origins
	Ids      types.Blobs
	Rejected []types.Rejection
}

// Len is how many outputs there are.
func (o *Outputs) Len() int { return len(o.Labels.Index) }

// Reuse says that the next payload is an input's own.
func (o *Outputs) Reuse(input int) {
	o.Payloads.Reuse = append(FillNumbers(o.Payloads.Reuse, o.Len()), uint32(input)+1)
}

// NewPayload ends a payload whose bytes have been appended to Payloads.Bytes.Bytes.
func (o *Outputs) NewPayload() {
	EndBlob(&o.Payloads.Bytes)
	if len(o.Payloads.Reuse) > 0 {
		o.Payloads.Reuse = FillNumbers(o.Payloads.Reuse, o.Len()+1)
	}
}

// From says which inputs the next output came from.
func (o *Outputs) From(inputs []uint32) {
	o.Origins.Index = append(o.Origins.Index, inputs...)
	o.Origins.Ends = append(o.Origins.Ends, uint32(len(o.Origins.Index)))
}

// SetID sets the id of the next output.
func (o *Outputs) SetID(id string) {
	FillBlobs(&o.Ids, o.Len())
	PushText(&o.Ids, id)
}

// Finish fills up the columns that have something to say.
func (o *Outputs) Finish() {
	if len(o.Ids.Ends) > 0 {
		FillBlobs(&o.Ids, o.Len())
	}
}
