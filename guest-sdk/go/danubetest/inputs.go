package danubetest

import "time"

// Incoming is an event to give to a source. Only Endpoint and Payload are always there for it.
type Incoming struct {
	Endpoint    string
	Payload     []byte
	ID          string
	Key         string
	ContentType string
	Received    time.Time
	Attributes  map[string]string
	Headers     map[string]string
}

// Event is one with an endpoint and a payload, nothing else.
func Event(endpoint, payload string) Incoming {
	return Incoming{Endpoint: endpoint, Payload: []byte(payload)}
}

// Delivered is a message to give to a sink. Only Topic and Payload are always there for it.
type Delivered struct {
	Topic      string
	Payload    []byte
	ID         string
	Key        string
	Published  time.Time
	Producer   string
	Schema     string // subject@version
	Attributes map[string]string
	Order      uint64
}

// Message is one with a topic and a payload, nothing else.
func Message(topic, payload string) Delivered {
	return Delivered{Topic: topic, Payload: []byte(payload)}
}
