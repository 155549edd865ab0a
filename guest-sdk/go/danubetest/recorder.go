package danubetest

import (
	"log/slog"
	"slices"
	"testing"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danube"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/host"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/hosthttp"
)

// A Recorder has what the connector told the host.
type Recorder struct {
	// Lines are what was logged, each as `LEVEL: message`.
	Lines []string
	// Counters are the sums of what was counted.
	Counters map[string]uint64
	// Gauges are the last values.
	Gauges map[string]float64
	// Observations are all values, in their order.
	Observations map[string][]float64
	// Requests are what was asked of others, each redirect that was followed, too.
	Requests []Request
}

// record puts a recorder in the host's place for the time of a test, and what answers requests.
func record(t testing.TB, answer func(*Request) (*Response, error)) *Recorder {
	t.Helper()
	made := &Recorder{
		Counters: map[string]uint64{}, Gauges: map[string]float64{}, Observations: map[string][]float64{},
	}
	slog.SetDefault(slog.New(danube.LogHandler{}))
	before, answers := host.Current, hosthttp.Answers
	host.Current = recording{made}
	hosthttp.Answers = made.answers(answer)
	t.Cleanup(func() { host.Current, hosthttp.Answers = before, answers })
	return made
}

// Logged says whether this line was logged, as `LEVEL: message`.
func (r *Recorder) Logged(line string) bool { return slices.Contains(r.Lines, line) }

type recording struct{ to *Recorder }

var levels = [...]string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR"}

func (recording) LogEnabled(level uint8) bool { return level >= host.Debug }

func (r recording) Log(level uint8, message string) {
	r.to.Lines = append(r.to.Lines, levels[level]+": "+message)
}

func (r recording) Count(name string, n uint64)      { r.to.Counters[name] += n }
func (r recording) Gauge(name string, value float64) { r.to.Gauges[name] = value }
func (r recording) Observe(name string, value float64) {
	r.to.Observations[name] = append(r.to.Observations[name], value)
}
