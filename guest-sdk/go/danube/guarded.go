package danube

import (
	"fmt"
	"log/slog"
	"path"
	"runtime"
	"strings"
)

// guarded turns a panic into an error that refuses the input at hand, with the message and the place. The panic is logged
// for the operator, too.
func guarded(call func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			place := panicPlace()
			slog.Error(fmt.Sprintf("panicked at %s: %v", place, cause))
			err = InvalidData("%s (panicked at %s)", fmt.Sprint(cause), place)
		}
	}()
	return call()
}

// panicPlace is the file and line of the frame that panicked, called by the deferred function.
func panicPlace() string {
	callers := make([]uintptr, 64)
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers)])
	for {
		frame, more := frames.Next()
		if !strings.HasPrefix(frame.Function, "runtime.") {
			return fmt.Sprintf("%s:%d", path.Base(frame.File), frame.Line)
		}
		if !more {
			return "an unknown place"
		}
	}
}
