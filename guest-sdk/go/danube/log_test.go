package danube_test

import (
	"log/slog"
	"reflect"
	"testing"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danube"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danubetest"
)

func TestLinesOfSlogAreTheConnectorsLog(t *testing.T) {
	source := danubetest.Source(t, &eventFunc{func(e danube.Event, _ *danube.Records) error {
		slog.Debug("seen", "event", e.Endpoint(), slog.Group("at", "line", 7))
		slog.With("shop", 1).WithGroup("order").Warn("late", "days", 2)
		slog.Log(t.Context(), danube.LevelTrace, "not kept")
		danube.Count("seen", 2)
		danube.Gauge("level", 0.5)
		danube.Observe("size", 3)
		return nil
	}})
	source.Poll(event("1"))
	want := []string{"DEBUG: seen event=/in at.line=7", "WARN: late shop=1 order.days=2"}
	if !reflect.DeepEqual(source.Lines, want) {
		t.Errorf("%q", source.Lines)
	}
	if source.Counters["seen"] != 2 || source.Gauges["level"] != 0.5 || !reflect.DeepEqual(source.Observations["size"], []float64{3}) {
		t.Errorf("%+v", source.Recorder)
	}
}
