package danubetest

// An Option is a part of what a connector is configured with.
type Option func(*settings)

type settings struct {
	http  func(*Request) (*Response, error)
	state map[string][]byte

	Endpoints []map[string]any `json:"endpoints,omitempty"`
	Mappings  []map[string]any `json:"topic_mappings,omitempty"`
	Config    map[string]any   `json:"config,omitempty"`
}

// Endpoint is a way in, and the topic behind it. More are further keys and values, in turn.
func Endpoint(path, topic string, more ...any) Option {
	endpoint := keys(more, "path", path, "danube_topic", topic)
	return func(s *settings) { s.Endpoints = append(s.Endpoints, endpoint) }
}

// Mapping is a topic that is consumed by subscription `test`, and the table behind it. More are further keys and values, in
// turn.
func Mapping(topic, table string, more ...any) Option {
	mapping := keys(more, "topic", topic, "table", table, "subscription", "test")
	return func(s *settings) { s.Mappings = append(s.Mappings, mapping) }
}

// Setting is a key of the connector's own table.
func Setting(name string, value any) Option {
	return func(s *settings) {
		if s.Config == nil {
			s.Config = map[string]any{}
		}
		s.Config[name] = value
	}
}

// HTTP answers the connector's requests. An error is why there is no answer; a nil answer is 404.
func HTTP(answer func(*Request) (*Response, error)) Option {
	return func(s *settings) { s.http = answer }
}

// State is a value that a polling source's earlier calls have left.
func State(key, value string) Option {
	return func(s *settings) {
		if s.state == nil {
			s.state = map[string][]byte{}
		}
		s.state[key] = []byte(value)
	}
}

func keys(more []any, fixed ...any) map[string]any {
	all := map[string]any{}
	for pairs := append(fixed, more...); len(pairs) > 1; pairs = pairs[2:] {
		all[pairs[0].(string)] = pairs[1]
	}
	return all
}
