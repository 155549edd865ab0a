package danube

import (
	"errors"
	"fmt"
	"math"
	"time"

	types "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_types"
	wit "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/types"
)

type kind uint8

const (
	invalidData kind = iota
	unsupported
	retryable
	fatal
	configuration
)

// An Error says what the host does about a failure.
type Error struct {
	kind    kind
	message string
	cause   error
	wait    time.Duration
	// Code is the connector's own number for it, shown in logs and metrics; 0 if it has none.
	Code uint32
}

// InvalidData refuses one input: what is wrong with it and where, for whoever sent it.
func InvalidData(format string, args ...any) *Error { return newError(invalidData, format, args) }

// Unsupported refuses one input because the connector has no use for its kind of data.
func Unsupported(format string, args ...any) *Error { return newError(unsupported, format, args) }

// Configuration says which setting is wrong and what to write instead: the host refuses to start.
func Configuration(format string, args ...any) *Error { return newError(configuration, format, args) }

// Retryable says: not now. The host backs off for at least so long and calls again with the same batch. A sink is believed
// ten times or ten minutes, a source, whose senders wait, five seconds.
func Retryable(cause error, wait time.Duration) *Error {
	return &Error{kind: retryable, message: cause.Error(), cause: cause, wait: wait}
}

// Fatal says: never again. The host stops this connector.
func Fatal(cause error) *Error { return &Error{kind: fatal, message: cause.Error(), cause: cause} }

// Error is what happened.
func (e *Error) Error() string { return e.message }

// Unwrap is what caused it.
func (e *Error) Unwrap() error { return e.cause }

// WithCode gives it the connector's own number.
func (e *Error) WithCode(code uint32) *Error {
	e.Code = code
	return e
}

func newError(kind kind, format string, args []any) *Error {
	message := format
	if len(args) > 0 {
		message = fmt.Sprintf(format, args...)
	}
	made := &Error{kind: kind, message: message}
	for _, arg := range args {
		if cause, ok := arg.(error); ok {
			made.cause = cause
		}
	}
	return made
}

// refused is the error as one that refuses an input; none if it fails the batch.
func refused(err error) (refusal *Error, ok bool) {
	var ours *Error
	if !errors.As(err, &ours) {
		return InvalidData("%s", err), true
	}
	if ours.kind == invalidData || ours.kind == unsupported {
		return &Error{kind: ours.kind, message: err.Error()}, true
	}
	return nil, false
}

var failureKinds = [...]types.FailureKind{
	invalidData:   types.FailureKindInvalidData,
	unsupported:   types.FailureKindInvalidData,
	retryable:     types.FailureKindRetryable,
	fatal:         types.FailureKindFatal,
	configuration: types.FailureKindConfiguration,
}

// failure is the error as the contract has it.
func failure(err error) *types.Failure {
	var ours *Error
	if !errors.As(err, &ours) {
		ours = &Error{kind: invalidData}
	}
	made := &types.Failure{Kind: failureKinds[ours.kind], Code: ours.Code, Message: err.Error(), RetryAfterMs: wit.None[uint32]()}
	if ours.kind == retryable && ours.wait > 0 {
		made.RetryAfterMs = wit.Some(uint32(min(ours.wait.Milliseconds(), math.MaxUint32)))
	}
	return made
}
