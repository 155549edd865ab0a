package columns

import types "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_types"

// PushBlob appends a value.
func PushBlob(column *types.Blobs, value []byte) {
	column.Bytes = append(column.Bytes, value...)
	EndBlob(column)
}

// PushText appends a value.
func PushText(column *types.Blobs, value string) {
	column.Bytes = append(column.Bytes, value...)
	EndBlob(column)
}

// EndBlob ends a value whose bytes have been appended.
func EndBlob(column *types.Blobs) {
	column.Ends = append(column.Ends, uint32(len(column.Bytes)))
}

// PushLabel appends a value. Batches have few names and long runs of one, so the last one is looked at first.
func PushLabel(column *types.Labels, value string) {
	if n := len(column.Index); n > 0 && column.Names[column.Index[n-1]] == value {
		column.Index = append(column.Index, column.Index[n-1])
		return
	}
	for at, name := range column.Names {
		if name == value {
			column.Index = append(column.Index, uint32(at))
			return
		}
	}
	column.Index = append(column.Index, uint32(len(column.Names)))
	column.Names = append(column.Names, value)
}

// PushPair appends a pair to the set that EndPairs ends.
func PushPair(column *types.Attributes, name, value string) {
	PushText(&column.Names, name)
	PushText(&column.Values, value)
}

// EndPairs ends a set.
func EndPairs(column *types.Attributes) {
	column.Ends = append(column.Ends, uint32(len(column.Names.Ends)))
}

// FillBlobs appends empty values until there are n. A column that most batches do not have stays empty until a value
// has something to say, and is filled up before that.
func FillBlobs(column *types.Blobs, n int) {
	for len(column.Ends) < n {
		EndBlob(column)
	}
}

// FillPairs appends empty sets until there are n.
func FillPairs(column *types.Attributes, n int) {
	for len(column.Ends) < n {
		EndPairs(column)
	}
}

// FillNumbers appends zeros until there are n.
func FillNumbers[N uint8 | uint32 | uint64](column []N, n int) []N {
	for len(column) < n {
		column = append(column, 0)
	}
	return column
}
