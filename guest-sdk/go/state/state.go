// Package state is for a few values of the connector's own that outlive the process, such as a cursor. They are there during
// Fetch of a [danube.PollingConnector] alone. What a call changes is durable once every event that it fetched is; a call that
// fails changes nothing. In a test they are the harness's.
package state

import (
	"fmt"
	"unicode/utf8"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danube"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/hoststate"
)

// Get is the value of this key.
func Get(key string) (value []byte, ok bool) { return hoststate.Get(key) }

// GetText is the value of this key, if it is text.
func GetText(key string) (value string, ok bool) {
	bytes, ok := Get(key)
	if !ok || !utf8.Valid(bytes) {
		return "", false
	}
	return string(bytes), true
}

// Set sets the value of a key of 1 to 128 bytes: at most 64 KiB, of all together 512 KiB and 256 keys. [danube.Fatal] if it is
// not set.
func Set[T ~string | ~[]byte](key string, value T) error {
	return told(key, "set", hoststate.Set(key, []byte(value)))
}

// Delete takes a key out. Nothing happens if it has no value.
func Delete(key string) error { return told(key, "deleted", hoststate.Delete(key)) }

// Keys are those that have a value, in the order of their bytes.
func Keys() []string { return hoststate.Keys() }

func told(key, what string, refusal error) error {
	if refusal == nil {
		return nil
	}
	return danube.Fatal(fmt.Errorf("the state `%s` was not %s: %w", key, what, refusal))
}
