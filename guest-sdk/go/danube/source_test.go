package danube_test

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danube"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danubetest"
)

// eventFunc is a source of one function.
type eventFunc struct {
	do func(e danube.Event, out *danube.Records) error
}

func (f *eventFunc) Event(e danube.Event, out *danube.Records) error { return f.do(e, out) }

func poll(t *testing.T, do func(e danube.Event, out *danube.Records) error, events ...danubetest.Incoming) danubetest.Polled {
	t.Helper()
	return danubetest.Source(t, &eventFunc{do}, danubetest.Endpoint("/in", "/n/t")).Poll(events...)
}

func TestAnEventHasWhatTheHostSent(t *testing.T) {
	sent := danubetest.Incoming{
		Endpoint: "/in", Payload: []byte("hello"), ID: "e-1", Key: "k", ContentType: "text/plain",
		Received:   time.UnixMilli(1_705_004_567_089).UTC(),
		Attributes: map[string]string{"method": "POST", "path": "/in"}, Headers: map[string]string{"x-a": "1"},
	}
	poll(t, func(e danube.Event, _ *danube.Records) error {
		text, err := e.Text()
		if err != nil || text != "hello" || e.ID() != "e-1" || string(e.Key()) != "k" || e.ContentType() != "text/plain" {
			t.Errorf("%q %v %q %q %q", text, err, e.ID(), e.Key(), e.ContentType())
		}
		if e.Topic() != "/n/t" || !e.Received().Equal(sent.Received) {
			t.Errorf("%q %v", e.Topic(), e.Received())
		}
		attributes := map[string]string{}
		for name, value := range e.Attributes() {
			attributes[name] = value
		}
		if !reflect.DeepEqual(attributes, sent.Attributes) {
			t.Errorf("%v", attributes)
		}
		if value, ok := e.Header("x-a"); !ok || value != "1" {
			t.Errorf("%q", value)
		}
		if _, ok := e.Header("x-b"); ok {
			t.Error("a header that nobody sent")
		}
		return nil
	}, sent)
}

func TestWhatARefusedEventHadMadeIsTakenBack(t *testing.T) {
	polled := poll(t, func(e danube.Event, out *danube.Records) error {
		text, _ := e.Text()
		out.Add(e.Topic(), text, danube.Key(text), danube.ID("id-"+text), danube.Attribute("a", text))
		out.Forward(e)
		out.Answer(202, "text/plain", []byte(text))
		switch text {
		case "refused":
			return danube.InvalidData("no")
		case "unsupported":
			return danube.Unsupported("not for us")
		case "plain":
			return errors.New("plain")
		case "panics":
			var none map[string]int
			none["a"] = 1
		}
		return nil
	}, event("refused"), event("a"), event("unsupported"), event("plain"), event("panics"), event("b"))
	var got []string
	for _, record := range polled.Records {
		got = append(got, string(record.Payload)+record.Key+record.ID+record.Attributes["a"])
	}
	if want := []string{`"a"aid-aa`, "a", `"b"bid-bb`, "b"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
	if len(polled.Answers) != 2 || polled.Answers[0].Origin != 1 || polled.Answers[1].Body != "b" {
		t.Errorf("%+v", polled.Answers)
	}
	if len(polled.Refused) != 4 || !polled.Refused[1].Unsupported || polled.Refused[2].Message != "plain" {
		t.Errorf("%+v", polled.Refused)
	}
	if panicked := polled.Refused[3].Message; panicked != "assignment to entry in nil map (panicked at source_test.go:"+lineOf(panicked) {
		t.Error(panicked)
	}
}

func TestAnErrorThatNobodyLookedAtRefusesTheEvent(t *testing.T) {
	for why, ignore := range map[string]func(out *danube.Records){
		"an output has no JSON: json: unsupported value: NaN":              func(out *danube.Records) { out.Add("/n/t", math.NaN()) },
		"an id has 1 to 256 bytes of UTF-8 and no control characters":      func(out *danube.Records) { out.Add("/n/t", 1, danube.ID("a\n")) },
		"an answer's status is within 200 to 499, not 500":                 func(out *danube.Records) { out.Answer(500, "", nil) },
		"an answer's content type is printable ASCII of at most 256 bytes": func(out *danube.Records) { out.Answer(200, "é", nil) },
		"an answer's body has at most 65536 bytes, not 65537":              func(out *danube.Records) { out.Answer(200, "", make([]byte, 65537)) },
	} {
		polled := poll(t, func(_ danube.Event, out *danube.Records) error { ignore(out); return nil }, event("x"))
		if len(polled.Refused) != 1 || polled.Refused[0].Message != why || len(polled.Records) != 0 {
			t.Errorf("%+v", polled)
		}
	}
}

func TestBytesAreNotTakenForJSON(t *testing.T) {
	source := danubetest.Source(t, &eventFunc{func(e danube.Event, out *danube.Records) error {
		return out.Add("/n/t", e.Bytes())
	}})
	_, err := source.TryPoll(event("1"))
	want := "fatal: bytes are no JSON: give JSON text as a json.RawMessage, or other bytes to Records.AddBytes"
	if err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

func TestJSONThatIsNoneAndJSONThatDoesNotFitAreToldApart(t *testing.T) {
	var order struct {
		Lines []int `json:"lines"`
	}
	decode := func(e danube.Event, _ *danube.Records) error { return e.JSON(&order) }
	polled := poll(t, decode, event("{,"), event(`{"lines": "a"}`), event("[]"), event(`{"lines": [1]} x`))
	for at, want := range []string{
		"not JSON: invalid character ',' looking for beginning of object key string, at byte 2",
		"`lines` is a JSON string where an array is expected",
		"a JSON array where an object is expected",
		"not JSON: invalid character 'x' after top-level value, at byte 16",
	} {
		if polled.Refused[at].Message != want {
			t.Error(polled.Refused[at].Message)
		}
	}
}

func event(payload string) danubetest.Incoming { return danubetest.Event("/in", payload) }

func lineOf(message string) string {
	_, line, _ := strings.Cut(message, ".go:")
	return line
}
