// Package collector runs Go's collector where a component may run it: between events, never while the host waits for
// memory to write arguments into, because the collector reads the clock and no import may be called there.
package collector

// A component's heap is small: it is cleaned when this much is new in it.
const collectAbove = 8 << 20

// Looking costs as much as a small event: it is done once for so many bytes or events.
const (
	lookAfterBytes  = 512 << 10
	lookAfterEvents = 64
)

var bytes, events int

// BeforeCall cleans if there is much to clean.
func BeforeCall() { look() }

// BeforeEvent does, if there was much work since somebody looked.
func BeforeEvent(size int) {
	bytes, events = bytes+size, events+1
	if bytes >= lookAfterBytes || events >= lookAfterEvents {
		look()
	}
}
