package danubetest

import (
	"time"

	types "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_types"
	wit "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/types"
)

// A Failure is a call that failed as a whole.
type Failure struct {
	// Kind is `retryable`, `fatal`, `invalid-data` or `configuration`.
	Kind       string
	Code       uint32
	Message    string
	RetryAfter time.Duration
}

// Error is what happened.
func (f *Failure) Error() string { return f.Kind + ": " + f.Message }

func failure(given *types.Failure) error {
	kinds := map[types.FailureKind]string{
		types.FailureKindRetryable: "retryable", types.FailureKindFatal: "fatal",
		types.FailureKindInvalidData: "invalid-data", types.FailureKindConfiguration: "configuration",
	}
	read := &Failure{Kind: kinds[given.Kind], Code: given.Code, Message: given.Message}
	if given.RetryAfterMs.Tag() == wit.OptionSome {
		read.RetryAfter = time.Duration(given.RetryAfterMs.Some()) * time.Millisecond
	}
	return read
}

// A Refused is an input that the connector refused.
type Refused struct {
	// Origin is the input, by its place in what was given.
	Origin int
	// Unsupported says that the connector has no use for its kind of data, rather than the data being invalid.
	Unsupported bool
	Message     string
}

func refusals(given []types.Rejection) []Refused {
	var read []Refused
	for _, rejection := range given {
		read = append(read, Refused{int(rejection.Origin), rejection.Kind == 1, rejection.Message})
	}
	return read
}
