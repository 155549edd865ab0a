// Command source is the conformance suite's source: an order becomes one record a line.
package main

import (
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danube"
)

// OrderLines has what it was configured with.
type OrderLines struct {
	KeyField string `danube:"key_field,default=id"`
	Forward  bool   `danube:"forward,default=false"`
}

func init() { danube.Source(&OrderLines{}) }

func main() {}

// line is the payload of a record.
type line struct {
	Order string          `json:"order"`
	Line  int             `json:"line"`
	Item  json.RawMessage `json:"item"`
}

// Wants nothing but the headers.
func (*OrderLines) Wants() []danube.Column { return []danube.Column{danube.Headers} }

// Event makes an order's records.
func (c *OrderLines) Event(e danube.Event, out *danube.Records) error {
	more := tenant(e)
	if c.Forward {
		danube.Count("orders", 1)
		return out.Forward(e, more...)
	}
	var body json.RawMessage
	if err := e.JSON(&body); err != nil {
		return err
	}
	var order map[string]json.RawMessage
	if err := json.Unmarshal(body, &order); err != nil || order == nil {
		return danube.InvalidData("an order is a JSON object")
	}
	id, ok := value[string](order["id"])
	if !ok || id == "" {
		return danube.InvalidData("an order needs an id")
	}
	if panics, _ := value[bool](order["panic"]); panics {
		panic(fmt.Sprintf("order %s panics", id))
	}
	lines, _ := value[[]json.RawMessage](order["lines"])
	if len(lines) == 0 {
		return danube.InvalidData("order %s has no lines", id)
	}
	said := fmt.Sprintf("order %s: %d lines", id, len(lines))
	slog.Info(said)
	danube.Count("orders", 1)
	more = append(more, danube.Key(key(order[c.KeyField])))
	for at, item := range lines {
		place := danube.ID(fmt.Sprintf("%s:%d", id, at))
		if err := out.Add(e.Topic(), line{id, at, item}, append(more, place)...); err != nil {
			return err
		}
	}
	if asks, _ := value[bool](order["ask"]); asks {
		return out.Answer(202, "text/plain", []byte(said))
	}
	return nil
}

func tenant(e danube.Event) []danube.RecordOption {
	name, ok := e.Header("x-tenant")
	if !ok {
		return nil
	}
	return []danube.RecordOption{danube.Attribute("tenant", name)}
}

// key is a string, or a whole number or boolean as its JSON text.
func key(field json.RawMessage) string {
	if text, ok := value[string](field); ok {
		return text
	}
	if _, ok := value[bool](field); ok {
		return string(field)
	}
	if _, ok := value[int64](field); ok {
		return string(field)
	}
	return ""
}

// value is a member of an order as a type of Go, if it is one; null is none.
func value[T any](member json.RawMessage) (read T, ok bool) {
	if len(member) == 0 || string(member) == "null" {
		return read, false
	}
	err := json.Unmarshal(member, &read)
	return read, err == nil
}
