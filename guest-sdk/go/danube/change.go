package danube

import "strings"

// A Change is what was done to a row, as sources such as `postgres` and `kafka` say it in a record's attributes.
type Change struct {
	// Operation is `read` (it was there when the source began), `insert`, `update`, `delete` (the payload has what identifies
	// the row), `truncate` (all rows of its table are gone) or `message` (no row: it was written beside them).
	Operation string
	// Unchanged are fields that the payload does not have because the source was not told their values. They are as they were.
	Unchanged []string
	// KeyChanged says that the row has a new key: the one of the old key was deleted by the record before this one.
	KeyChanged bool
}

// Attributes of a record that is a change.
const (
	changeOperation  = "change.op"
	changeUnchanged  = "change.unchanged"
	changeKeyChanged = "change.key-changed"
)

// Change is the change of a row that it is; ok is false for plain data. It needs [Attributes]. [InvalidData] if it is a change
// of a kind that nobody knows.
func (m Message) Change() (change Change, ok bool, err error) {
	operation, ok := m.Attribute(changeOperation)
	if !ok {
		return Change{}, false, nil
	}
	switch operation {
	case "read", "insert", "update", "delete", "truncate", "message":
	default:
		return Change{}, false, InvalidData("the attribute `%s` is `%s`, which is no change", changeOperation, operation)
	}
	change.Operation = operation
	fields, _ := m.Attribute(changeUnchanged)
	for field := range strings.SplitSeq(fields, ",") {
		if field != "" {
			change.Unchanged = append(change.Unchanged, field)
		}
	}
	changed, _ := m.Attribute(changeKeyChanged)
	change.KeyChanged = changed == "true"
	return change, true, nil
}
