// Package wit_types holds what the generated bindings need of WIT's own types.
package wit_types

// The cases of an Option.
const (
	OptionNone = 0
	OptionSome = 1
)

// Option is a value that may be absent.
type Option[T any] struct {
	tag   uint8
	value T
}

// None is an absent value.
func None[T any]() Option[T] { return Option[T]{} }

// Some is a value that is there.
func Some[T any](value T) Option[T] { return Option[T]{tag: OptionSome, value: value} }

// Tag says which case it is.
func (o Option[T]) Tag() uint8 { return o.tag }

// Some is the value; it panics where there is none.
func (o Option[T]) Some() T {
	if o.tag != OptionSome {
		panic("an option without a value was read")
	}
	return o.value
}

// The cases of a Result.
const (
	ResultOk  = 0
	ResultErr = 1
)

// Result is a value or a failure.
type Result[T, E any] struct {
	tag     uint8
	value   T
	failure E
}

// Ok is a value.
func Ok[T, E any](value T) Result[T, E] { return Result[T, E]{value: value} }

// Err is a failure.
func Err[T, E any](failure E) Result[T, E] { return Result[T, E]{tag: ResultErr, failure: failure} }

// Tag says which case it is.
func (r Result[T, E]) Tag() uint8 { return r.tag }

// Ok is the value.
func (r Result[T, E]) Ok() T { return r.value }

// Err is the failure.
func (r Result[T, E]) Err() E { return r.failure }

// Tuple2 is a pair.
type Tuple2[A, B any] struct {
	F0 A
	F1 B
}

// Unit is no value.
type Unit struct{}
