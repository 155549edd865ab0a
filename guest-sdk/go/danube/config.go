package danube

import (
	"bytes"
	"encoding/json"

	types "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_types"
)

// A Config is what a connector was configured with, beside the settings in its fields.
type Config struct {
	// Connector is its name in the pipeline.
	Connector string
	// Endpoints are where a source's events come in.
	Endpoints []Endpoint
	// Mappings are what a sink consumes.
	Mappings []Mapping
	// Settings are the table `config`, as it came.
	Settings json.RawMessage
}

// An Endpoint is one way in, and the topic behind it.
type Endpoint struct {
	// Path is as [Event.Endpoint] gives it.
	Path string `json:"path"`
	// Topic is `/namespace/name`.
	Topic string `json:"danube_topic"`
	// Partitions to create the topic with; 0 for a topic without.
	Partitions uint32 `json:"partitions"`
	// Reliable keeps each message until every subscription has acknowledged it.
	Reliable bool `json:"reliable_dispatch"`
	// More are all keys of the endpoint, the connector's own among them.
	More map[string]json.RawMessage `json:"-"`
}

// A Mapping is one topic that is consumed, and the table that its messages are for.
type Mapping struct {
	// Topic is `/namespace/name`.
	Topic string `json:"topic"`
	// Subscription is the name of what holds the position.
	Subscription string `json:"subscription"`
	// Type is how its messages are shared.
	Type SubscriptionType `json:"subscription_type"`
	// SchemaSubject refuses messages whose schema is of another subject; empty for any.
	SchemaSubject string `json:"expected_schema_subject"`
	// Table is where writes may go.
	Table string `json:"table"`
	// More are all keys of the mapping, the connector's own among them.
	More map[string]json.RawMessage `json:"-"`
}

// UnmarshalJSON reads an endpoint and keeps what this package does not know.
func (e *Endpoint) UnmarshalJSON(text []byte) error {
	type plain Endpoint
	read := plain{Reliable: true}
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	*e = Endpoint(read)
	return json.Unmarshal(text, &e.More)
}

// UnmarshalJSON reads a mapping and keeps what this package does not know.
func (m *Mapping) UnmarshalJSON(text []byte) error {
	type plain Mapping
	read := plain{Type: Shared}
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	*m = Mapping(read)
	return json.Unmarshal(text, &m.More)
}

// read makes a configuration of what the host gave, and puts the settings into the connector's fields.
func read(given types.Configuration, connector any) (Config, error) {
	var shape struct {
		Endpoints []Endpoint      `json:"endpoints"`
		Mappings  []Mapping       `json:"topic_mappings"`
		Config    json.RawMessage `json:"config"`
	}
	if err := json.Unmarshal([]byte(given.Settings), &shape); err != nil {
		return Config{}, Configuration("the settings of `%s`: %s", given.Connector, err)
	}
	if bytes.Equal(shape.Config, []byte("null")) {
		shape.Config = nil
	}
	config := Config{given.Connector, shape.Endpoints, shape.Mappings, shape.Config}
	return config, fillSettings(connector, given.Connector, shape.Config)
}
