// Package hoststate is the contract's interface `state`: the host's in a component, a test's values natively.
package hoststate

import "maps"

// Sentences of why a value is not set, by the contract's number.
var Sentences = [...]string{
	"a key has 1 to 128 bytes",
	"a value has at most 64 KiB",
	"all keys and values together have at most 512 KiB, and there are at most 256 keys",
	"state is there while `Fetch` runs, and at no other time",
}

// A Refusal is a number of [Sentences].
type Refusal uint8

// Why a value is not set.
const (
	RefusesKey Refusal = iota
	RefusesValue
	IsFull
	IsUnavailable
)

// Error is its sentence.
func (r Refusal) Error() string { return Sentences[r] }

// values are those of a test, while a fetch runs.
var values map[string][]byte

// During calls something with these values as the state, and returns what it made of them.
func During(before map[string][]byte, call func()) map[string][]byte {
	values = maps.Clone(before)
	if values == nil {
		values = map[string][]byte{}
	}
	defer func() { values = nil }()
	call()
	return values
}
