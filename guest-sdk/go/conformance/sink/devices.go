// Command sink is the conformance suite's sink: a table holds the latest state of each device.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danube"
)

// DeviceState has what it was configured with.
type DeviceState struct {
	IDField string `danube:"id_field,default=device"`
}

func init() { danube.Sink(&DeviceState{}) }

func main() {}

// Wants the attribute of a message and its order.
func (*DeviceState) Wants() []danube.Column {
	return []danube.Column{danube.Attributes, danube.Orders}
}

// Message makes a message's write.
func (c *DeviceState) Message(m danube.Message, out *danube.Writes) error {
	var body json.RawMessage
	if err := m.JSON(&body); err != nil {
		return err
	}
	var state map[string]json.RawMessage
	if err := json.Unmarshal(body, &state); err != nil || state == nil {
		return danube.InvalidData("a message is a JSON object")
	}
	if is(state, "fatal") {
		return danube.Fatal(errors.New("told to stop"))
	}
	if is(state, "retry") {
		return danube.Retryable(errors.New("told to wait"), 50*time.Millisecond)
	}
	var device string
	if err := json.Unmarshal(state[c.IDField], &device); err != nil || device == "" {
		return danube.InvalidData("no %s", c.IDField)
	}
	if is(state, "panic") {
		panic(fmt.Sprintf("device %s panics", device))
	}
	gone, merge := is(state, "gone"), is(state, "merge")
	note(device, state, gone, merge)
	order := danube.Order(m.Order())
	if gone {
		return out.Delete(m.Table(), device, order)
	}
	delete(state, c.IDField)
	delete(state, "merge")
	delete(state, "gone")
	if site, ok := m.Attribute("site"); ok {
		state["site"], _ = json.Marshal(site)
	}
	if merge {
		return out.Merge(m.Table(), device, state, order)
	}
	return out.Upsert(m.Table(), device, state, order)
}

func note(device string, state map[string]json.RawMessage, gone, merge bool) {
	what := "upsert"
	if gone {
		what = "delete"
	} else if merge {
		what = "merge"
	}
	slog.Info(fmt.Sprintf("device %s: %s", device, what))
	danube.Count("writes", 1)
	var celsius *float64
	if json.Unmarshal(state["celsius"], &celsius) == nil && celsius != nil {
		danube.Gauge("celsius", *celsius)
	}
}

// is says whether the member of this name is true.
func is(state map[string]json.RawMessage, name string) bool { return string(state[name]) == "true" }
