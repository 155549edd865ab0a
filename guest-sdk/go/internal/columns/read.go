// Package columns reads and writes the contract's batches: n values are a few flat lists.
package columns

import (
	"unsafe"

	types "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_types"
)

// Blob is value `at` of a column, nothing where the column is empty.
func Blob(column *types.Blobs, at int) []byte {
	if at >= len(column.Ends) {
		return nil
	}
	start := uint32(0)
	if at > 0 {
		start = column.Ends[at-1]
	}
	end := column.Ends[at]
	return column.Bytes[start:end:end]
}

// Text is a value that is UTF-8. It shares the batch's memory, which nobody writes to again.
func Text(column *types.Blobs, at int) string { return view(Blob(column, at)) }

func view(bytes []byte) string { return unsafe.String(unsafe.SliceData(bytes), len(bytes)) }

// Label is value `at` of a column of strings that repeat.
func Label(column *types.Labels, at int) string {
	if at >= len(column.Index) {
		return ""
	}
	return column.Names[column.Index[at]]
}

// Pair is the first value of this name in set `at`.
func Pair(column *types.Attributes, at int, name string) (string, bool) {
	for i, end := bounds(column.Ends, at); i < end; i++ {
		if Text(&column.Names, i) == name {
			return Text(&column.Values, i), true
		}
	}
	return "", false
}

// Pairs yields set `at`.
func Pairs(column *types.Attributes, at int) func(yield func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		for i, end := bounds(column.Ends, at); i < end; i++ {
			if !yield(Text(&column.Names, i), Text(&column.Values, i)) {
				return
			}
		}
	}
}

// Origins are the inputs that output `at` came from.
func Origins(column *types.Origins, at int) []uint32 {
	if len(column.Ends) == 0 {
		return []uint32{uint32(at)}
	}
	start, end := bounds(column.Ends, at)
	return column.Index[start:end]
}

// Numbers is the column of this name, if it is there.
func Numbers(extra []types.NamedColumn, name string) []uint64 {
	for _, column := range extra {
		if column.Name == name && column.Values.Tag() == types.ColumnNumbers {
			return column.Values.Numbers()
		}
	}
	return nil
}

func bounds(ends []uint32, at int) (start, end int) {
	if at >= len(ends) {
		return 0, 0
	}
	if at > 0 {
		start = int(ends[at-1])
	}
	return start, int(ends[at])
}
