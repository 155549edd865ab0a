package host

import (
	"fmt"
	"os"
)

// native is a test without a recorder: lines go to standard error, numbers nowhere.
type native struct{}

var names = [...]string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR"}

func (native) LogEnabled(level uint8) bool { return level >= Debug }

func (native) Log(level uint8, message string) {
	fmt.Fprintf(os.Stderr, "%s: %s\n", names[level], message)
}

func (native) Count(string, uint64)    {}
func (native) Gauge(string, float64)   {}
func (native) Observe(string, float64) {}
