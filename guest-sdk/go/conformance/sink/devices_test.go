package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danube"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danubetest"
)

func devices(t *testing.T, options ...danubetest.Option) *danubetest.SinkHarness {
	t.Helper()
	return danubetest.Sink(t, &DeviceState{}, append(options, danubetest.Mapping("/default/devices", "devices"))...)
}

func message(payload string) danubetest.Delivered {
	made := danubetest.Message("/default/devices", payload)
	made.Order = 7
	return made
}

func TestWrites(t *testing.T) {
	sited := message(`{"device": "d3", "celsius": -1e-7}`)
	sited.Attributes = map[string]string{"site": "north"}
	sink := devices(t)
	processed := sink.Process(
		message(`{"device": "d1", "celsius": 20.5}`),
		message(`{"device": "d2", "merge": true, "on": {"a": [1]}}`),
		sited,
		message(`{"device": "d4", "gone": true}`),
	)
	for at, want := range []danubetest.Written{
		{Operation: "upsert", ID: "d1", Payload: []byte(`{"celsius":20.5}`)},
		{Operation: "merge", ID: "d2", Payload: []byte(`{"on":{"a":[1]}}`)},
		{Operation: "upsert", ID: "d3", Payload: []byte(`{"celsius":-1e-7,"site":"north"}`)},
		{Operation: "delete", ID: "d4"},
	} {
		got := processed.Writes[at]
		if got.Operation != want.Operation || got.ID != want.ID || string(got.Payload) != string(want.Payload) ||
			got.Order != 7 || got.Table != "devices" {
			t.Errorf("%+v", got)
		}
	}
	if sink.Gauges["celsius"] != -1e-7 || sink.Counters["writes"] != 4 || !sink.Logged("INFO: device d4: delete") {
		t.Errorf("%+v", sink.Recorder)
	}
}

func TestRefusals(t *testing.T) {
	processed := devices(t).Process(message("{"), message("7"), message("{}"), message(`{"device": "d", "panic": true}`), message("\xff"))
	for at, begins := range []string{"not JSON", "a message is a JSON object", "no device", "device d panics", "not JSON"} {
		if !strings.HasPrefix(processed.Refused[at].Message, begins) || processed.Refused[at].Origin != at {
			t.Errorf("%+v", processed.Refused[at])
		}
	}
}

func TestFailuresHaveTheirKind(t *testing.T) {
	sink := devices(t)
	for payload, want := range map[string]danubetest.Failure{
		`{"fatal": true}`: {Kind: "fatal", Message: "told to stop"},
		`{"retry": true}`: {Kind: "retryable", Message: "told to wait", RetryAfter: 50 * time.Millisecond},
	} {
		_, err := sink.TryProcess(message(`{"device": "d"}`), message(payload))
		var failure *danubetest.Failure
		if !errors.As(err, &failure) || *failure != want {
			t.Errorf("%v", err)
		}
	}
}

func TestSubscriptionsAndSettings(t *testing.T) {
	subscriptions, err := devices(t).Subscriptions()
	want := danube.ConsumerConfig{Topic: "/default/devices", Subscription: "test", Type: danube.Shared}
	if err != nil || len(subscriptions) != 1 || subscriptions[0] != want {
		t.Errorf("%+v, %v", subscriptions, err)
	}
	processed := devices(t, danubetest.Setting("id_field", "name")).Process(message("{}"))
	if processed.Refused[0].Message != "no name" {
		t.Errorf("%+v", processed)
	}
}
