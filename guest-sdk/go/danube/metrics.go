package danube

import "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/host"

// Numbers for the connector's metrics page. Names match `[a-z][a-z0-9_]{0,63}`; a name that does not, or that comes after
// the connector has used up its number of names, is dropped and counted by the host.

// Count adds to a counter.
func Count(name string, n uint64) { host.Current.Count(name, n) }

// Gauge sets a gauge.
func Gauge(name string, value float64) { host.Current.Gauge(name, value) }

// Observe adds an observation to a histogram.
func Observe(name string, value float64) { host.Current.Observe(name, value) }
