package hoststate

import (
	"slices"

	state "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_state"
	wit "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/types"
)

// Get is a value.
func Get(key string) ([]byte, bool) {
	value := state.Get(key)
	if value.Tag() == wit.OptionNone {
		return nil, false
	}
	return slices.Clone(value.Some()), true
}

// Set sets a value.
func Set(key string, value []byte) error { return refusal(state.Set(key, value)) }

// Delete takes a value out.
func Delete(key string) error { return refusal(state.Delete(key)) }

// Keys are those that have a value.
func Keys() []string { return state.Keys() }

func refusal(changed wit.Result[wit.Unit, state.Refusal]) error {
	if changed.Tag() == wit.ResultErr {
		return Refusal(changed.Err())
	}
	return nil
}
