// Package host is what the host gives a connector: a log and metrics. A component calls the contract's imports; a test
// puts a recorder in their place.
package host

// A Host takes lines and numbers.
type Host interface {
	LogEnabled(level uint8) bool
	Log(level uint8, message string)
	Count(name string, n uint64)
	Gauge(name string, value float64)
	Observe(name string, value float64)
}

// Levels of the contract.
const (
	Trace uint8 = iota
	Debug
	Info
	Warn
	Error
)

// Current is the host that is called.
var Current Host = native{}
