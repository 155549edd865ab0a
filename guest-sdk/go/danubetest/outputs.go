package danubetest

import (
	"slices"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/columns"
	types "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_types"
)

// payload is output `at` of a batch: its own bytes, or an input's.
func payload(column *types.Payloads, at int, input func(int) []byte) (bytes []byte, forwarded bool) {
	if len(column.Reuse) == 0 {
		return slices.Clone(columns.Blob(&column.Bytes, at)), false
	}
	if reuse := column.Reuse[at]; reuse > 0 {
		return slices.Clone(input(int(reuse) - 1)), true
	}
	own := 0
	for _, reuse := range column.Reuse[:at] {
		if reuse == 0 {
			own++
		}
	}
	return slices.Clone(columns.Blob(&column.Bytes, own)), false
}

func origins(column *types.Origins, at int) []int {
	var read []int
	for _, origin := range columns.Origins(column, at) {
		read = append(read, int(origin))
	}
	return read
}

func pairs(column *types.Attributes, at int) map[string]string {
	read := map[string]string{}
	for name, value := range columns.Pairs(column, at) {
		read[name] = value
	}
	return read
}

// pushPairs lays out a set in the order of its names, so that a test is the same at every run.
func pushPairs(column *types.Attributes, set map[string]string) {
	names := make([]string, 0, len(set))
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		columns.PushPair(column, name, set[name])
	}
	columns.EndPairs(column)
}
