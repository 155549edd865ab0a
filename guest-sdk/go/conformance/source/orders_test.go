package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danube"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danubetest"
)

func orders(t *testing.T, options ...danubetest.Option) *danubetest.SourceHarness {
	t.Helper()
	endpoint := danubetest.Endpoint("/orders", "/shop/lines")
	return danubetest.Source(t, &OrderLines{}, append(options, endpoint)...)
}

func TestALineIsARecord(t *testing.T) {
	source := orders(t)
	event := danubetest.Event("/orders", `{"id": "o-1", "lines": [{"sku": 1}, 2], "ask": true}`)
	event.Headers = map[string]string{"x-tenant": "north"}
	polled := source.Poll(event)
	if len(polled.Records) != 2 {
		t.Fatalf("%+v", polled)
	}
	second := polled.Records[1]
	if second.Topic != "/shop/lines" || string(second.Payload) != `{"order":"o-1","line":1,"item":2}` {
		t.Errorf("%+v", second)
	}
	if second.ID != "o-1:1" || second.Key != "o-1" || second.Attributes["tenant"] != "north" {
		t.Errorf("%+v", second)
	}
	if want := (danubetest.Answered{Status: 202, ContentType: "text/plain", Body: "order o-1: 2 lines"}); polled.Answers[0] != want {
		t.Errorf("%+v", polled.Answers)
	}
	if !source.Logged("INFO: order o-1: 2 lines") || source.Counters["orders"] != 1 {
		t.Errorf("%+v", source.Recorder)
	}
}

func TestRefusalsLeaveTheRestAlone(t *testing.T) {
	source := orders(t)
	polled := source.Poll(
		danubetest.Event("/orders", "{"),
		danubetest.Event("/orders", "[]"),
		danubetest.Event("/orders", `{"id": ""}`),
		danubetest.Event("/orders", `{"id": "o-4", "lines": []}`),
		danubetest.Event("/orders", `{"id": "o-5", "panic": true}`),
		danubetest.Event("/orders", `{"id": "o-6", "lines": [1]}`),
		danubetest.Event("/orders", "\xff"),
	)
	for at, begins := range []string{
		"not JSON: unexpected end", "an order is a JSON object", "an order needs an id", "order o-4 has no lines",
		"order o-5 panics (panicked at orders.go:", "not JSON: it is not UTF-8",
	} {
		if !strings.HasPrefix(polled.Refused[at].Message, begins) {
			t.Errorf("%+v does not begin with %q", polled.Refused[at], begins)
		}
	}
	if len(polled.Records) != 1 || polled.Records[0].Origins[0] != 5 {
		t.Errorf("%+v", polled.Records)
	}
}

func TestKeys(t *testing.T) {
	for value, key := range map[string]string{
		`"😀"`: "😀", "7": "7", "true": "true", "null": "", `""`: "", "0.5": "", "[1]": "",
	} {
		source := orders(t, danubetest.Setting("key_field", "k"))
		polled := source.Poll(danubetest.Event("/orders", fmt.Sprintf(`{"id": "o", "k": %s, "lines": [1]}`, value)))
		if polled.Records[0].Key != key {
			t.Errorf("%s: %q", value, polled.Records[0].Key)
		}
	}
}

func TestForwardedBytesAreTheEventsOwn(t *testing.T) {
	source := orders(t, danubetest.Setting("forward", true))
	for _, payload := range []string{"", "\x00\xff", strings.Repeat("x", 1<<20)} {
		record := source.Poll(danubetest.Event("/orders", payload)).Records[0]
		if !record.Forwarded || string(record.Payload) != payload || record.ID != "" {
			t.Errorf("%d bytes: %+v", len(payload), record.ID)
		}
	}
	if len(source.Lines) != 0 {
		t.Errorf("%v", source.Lines)
	}
}

func TestABatchIsItsEventsOneByOne(t *testing.T) {
	source := orders(t)
	var events []danubetest.Incoming
	for at := range 500 {
		lines, _ := json.Marshal(make([]int, at%4))
		events = append(events, danubetest.Event("/orders", fmt.Sprintf(`{"id": "o-%d", "lines": %s}`, at, lines)))
	}
	whole := source.Poll(events...)
	var records, refused int
	for _, event := range events {
		one := source.Poll(event)
		for _, record := range one.Records {
			if got := whole.Records[records]; string(got.Payload) != string(record.Payload) || got.ID != record.ID {
				t.Fatalf("%+v, %+v", got, record)
			}
			records++
		}
		refused += len(one.Refused)
	}
	if records != len(whole.Records) || refused != len(whole.Refused) {
		t.Errorf("%d of %d, %d of %d", records, len(whole.Records), refused, len(whole.Refused))
	}
}

func TestTopicsAndSettings(t *testing.T) {
	topics, err := orders(t).Topics()
	if want := (danube.ProducerConfig{Topic: "/shop/lines", Reliable: true}); err != nil || len(topics) != 1 || topics[0] != want {
		t.Errorf("%+v, %v", topics, err)
	}
	_, err = danubetest.TrySource(t, &OrderLines{}, danubetest.Setting("key_feld", "id"))
	if want := "configuration: the settings of `under-test`: unknown `key_feld`: known are `key_field`, `forward`"; err.Error() != want {
		t.Error(err)
	}
	_, err = danubetest.TrySource(t, &OrderLines{}, danubetest.Setting("key_field", 7))
	if want := "configuration: the settings of `under-test`: `key_field` is 7: a string is expected"; err.Error() != want {
		t.Error(err)
	}
}
