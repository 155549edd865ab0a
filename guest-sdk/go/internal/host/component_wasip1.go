package host

import (
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_log"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_metrics"
)

func init() { Current = component{} }

// component is the host of a component.
type component struct{}

func (component) LogEnabled(level uint8) bool        { return danube_connector_log.Enabled(level) }
func (component) Log(level uint8, message string)    { danube_connector_log.Log(level, message) }
func (component) Count(name string, n uint64)        { danube_connector_metrics.CounterAdd(name, n) }
func (component) Gauge(name string, value float64)   { danube_connector_metrics.GaugeSet(name, value) }
func (component) Observe(name string, value float64) { danube_connector_metrics.Observe(name, value) }
