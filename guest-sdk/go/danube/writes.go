package danube

import "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/columns"

// The contract's operations.
const (
	opInsert uint8 = iota
	opUpsert
	opMerge
	opDelete
)

// Writes takes what messages become. Its methods return an error for what the host would refuse; who ignores it loses
// nothing, because the SDK remembers the first one and refuses the message for it.
type Writes struct {
	made    *writeColumns
	origins []uint32
}

// Insert makes a document unless it is there. Without an id of its own, the host makes one from the message's id, so that a
// redelivery meets the same document.
func (w *Writes) Insert(table string, document any, options ...WriteOption) error {
	return w.encoded(opInsert, writeOptions{table: table}, document, options)
}

// Upsert replaces the document of this id, or creates it.
func (w *Writes) Upsert(table, id string, document any, options ...WriteOption) error {
	return w.encoded(opUpsert, writeOptions{table: table, id: id, hasID: true}, document, options)
}

// Merge sets the given fields of the document of this id, or creates it.
func (w *Writes) Merge(table, id string, fields any, options ...WriteOption) error {
	return w.encoded(opMerge, writeOptions{table: table, id: id, hasID: true}, fields, options)
}

// Delete removes the document of this id.
func (w *Writes) Delete(table, id string, options ...WriteOption) error {
	return w.push(opDelete, writeOptions{table: table, id: id, hasID: true}, options, w.made.NewPayload)
}

// Forward inserts the message's own payload, unchanged: it does not cross the sandbox again. It goes to the table of the
// message's mapping unless the option [Table] names another.
func (w *Writes) Forward(message Message, options ...WriteOption) error {
	return w.push(opInsert, writeOptions{table: message.Table()}, options, func() { w.made.Reuse(message.at) })
}

// From is for writes that came from these messages, at least one: of a [SinkBatchConnector].
func (w *Writes) From(messages ...Message) *Writes {
	origins := make([]uint32, len(messages))
	for i, message := range messages {
		origins[i] = uint32(message.at)
	}
	return &Writes{made: w.made, origins: origins}
}

// Reject refuses one message of a batch: it becomes a dead letter. Writes that came from it are dropped.
func (w *Writes) Reject(message Message, why error) {
	w.made.Rejected = append(w.made.Rejected, rejection(message.at, why))
}

func (w *Writes) encoded(operation uint8, given writeOptions, document any, options []WriteOption) error {
	bytes := &w.made.Payloads.Bytes.Bytes
	encoded, err := encode(*bytes, document)
	if err != nil {
		return w.made.fail(err)
	}
	return w.push(operation, given, options, func() {
		*bytes = encoded
		w.made.NewPayload()
	})
}

func (w *Writes) push(operation uint8, given writeOptions, options []WriteOption, payload func()) error {
	for _, option := range options {
		option.ofWrite(&given)
	}
	if err := checkOutput(given.id, documentIDBytesMax, w.origins); err != nil {
		return w.made.fail(err)
	}
	if given.hasID && given.id == "" {
		return w.made.fail(checkID("", documentIDBytesMax))
	}
	w.made.describe(operation, &given)
	payload()
	w.made.From(w.origins)
	columns.PushLabel(&w.made.Labels, given.table)
	return nil
}
