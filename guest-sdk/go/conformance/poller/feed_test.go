package main

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danube"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danubetest"
)

func feed(t *testing.T, options ...danubetest.Option) *danubetest.PollerHarness {
	t.Helper()
	url := danubetest.Setting("url", "https://feed.example/orders")
	return danubetest.Poller(t, &OrderFeed{}, "/shop/orders", append(options, url)...)
}

func answers(body string) danubetest.Option {
	return danubetest.HTTP(func(*danubetest.Request) (*danubetest.Response, error) {
		return &danubetest.Response{Body: body}, nil
	})
}

func TestAPageGoesOnWhereTheStateSays(t *testing.T) {
	poller := feed(t, danubetest.State("cursor", "7"),
		answers(`{"orders": [{"id": "ö", "customer": "c-🐟"}, {"id": "b"}], "next": "9", "more": true}`))
	page := poller.Fetch()
	if !page.Again || page.AgainAfter != 0 || len(page.Events) != 2 || string(poller.State["cursor"]) != "9" {
		t.Fatalf("%+v, %s", page, poller.State)
	}
	first := danubetest.FetchedEvent{
		Payload: []byte(`{"id":"ö","customer":"c-🐟"}`), ID: "ö", Key: "c-🐟", Attributes: map[string]string{"page": "7"},
	}
	if !reflect.DeepEqual(page.Events[0], first) || page.Events[1].Key != "" {
		t.Errorf("%+v", page.Events)
	}
	asked := danubetest.Request{
		Method: "GET", URL: "https://feed.example/orders?after=7&limit=100",
		Headers: map[string]string{"authorization": "secret:feed"}, Timeout: time.Second,
	}
	if !reflect.DeepEqual(poller.Requests, []danubetest.Request{asked}) {
		t.Errorf("%+v", poller.Requests)
	}
	polled := poller.PollPage(page)
	if record := polled.Records[0]; record.Topic != "/shop/orders" || record.Key != "c-🐟" || !record.Forwarded {
		t.Errorf("%+v", record)
	}
}

func TestWhatFailsIsSaidAndLeavesTheState(t *testing.T) {
	status := func(*danubetest.Request) (*danubetest.Response, error) {
		return &danubetest.Response{Status: 503, Headers: map[string]string{"Retry-After": "7"}}, nil
	}
	denied := func(*danubetest.Request) (*danubetest.Response, error) { return nil, danubetest.NotGranted }
	for said, answer := range map[string]danubetest.Option{
		"retryable: the feed answered 503":                                       danubetest.HTTP(status),
		"retryable: this host is not granted in this test":                       danubetest.HTTP(denied),
		"retryable: nothing answers in this test":                                danubetest.HTTP(nil),
		"retryable: the answer of https://feed.example/orders?after=0&limit=100": answers("{"),
		"invalid-data: the feed panics (panicked at feed.go:":                    answers(`{"next": "8", "panic": true}`),
		"fatal: the state `cursor` was not set: a value has at most 64 KiB":      answers(`{"next": "` + strings.Repeat("x", 65_537) + `"}`),
	} {
		poller := feed(t, danubetest.State("n", "1"), answer)
		_, err := poller.TryFetch(danube.Room{Events: 100, Bytes: 1 << 20})
		var failure *danubetest.Failure
		if !errors.As(err, &failure) || !strings.HasPrefix(err.Error(), said) {
			t.Errorf("%v does not begin with %q", err, said)
		}
		if len(poller.State) != 1 || (failure.RetryAfter == 7*time.Second) != strings.HasSuffix(said, "503") {
			t.Errorf("%s: %v, %v", said, poller.State, failure.RetryAfter)
		}
	}
}

func TestAnAcknowledgementIsPosted(t *testing.T) {
	poller := feed(t, danubetest.HTTP(func(request *danubetest.Request) (*danubetest.Response, error) {
		if request.Method == "POST" {
			return &danubetest.Response{Status: 204}, nil
		}
		return &danubetest.Response{Body: `{"ack": "x"}`}, nil
	}))
	poller.Fetch()
	if posted := poller.Requests[1]; posted.Body != `{"ack":"x"}` || posted.Headers["content-type"] != "application/json" {
		t.Errorf("%+v", posted)
	}
}
