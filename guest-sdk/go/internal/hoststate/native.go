//go:build !wasip1

package hoststate

import (
	"maps"
	"slices"
)

const (
	keyBytesMax   = 128
	valueBytesMax = 64 << 10
	bytesMax      = 512 << 10
	keysMax       = 256
)

// Get is a value.
func Get(key string) ([]byte, bool) {
	value, ok := values[key]
	return slices.Clone(value), ok
}

// Set sets a value, as the host would.
func Set(key string, value []byte) error {
	switch {
	case values == nil:
		return IsUnavailable
	case key == "" || len(key) > keyBytesMax:
		return RefusesKey
	case len(value) > valueBytesMax:
		return RefusesValue
	}
	size, n := len(key)+len(value), 1
	for other, kept := range values {
		if other != key {
			size, n = size+len(other)+len(kept), n+1
		}
	}
	if size > bytesMax || n > keysMax {
		return IsFull
	}
	values[key] = slices.Clone(value)
	return nil
}

// Delete takes a value out.
func Delete(key string) error {
	if values == nil {
		return IsUnavailable
	}
	delete(values, key)
	return nil
}

// Keys are those that have a value.
func Keys() []string { return slices.Sorted(maps.Keys(values)) }
