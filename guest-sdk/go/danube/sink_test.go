package danube_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danube"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danubetest"
)

// messageFunc is a sink of one function.
type messageFunc struct {
	do func(m danube.Message, out *danube.Writes) error
}

func (f *messageFunc) Message(m danube.Message, out *danube.Writes) error { return f.do(m, out) }

func process(t *testing.T, do func(m danube.Message, out *danube.Writes) error, messages ...danubetest.Delivered) danubetest.Processed {
	t.Helper()
	return danubetest.Sink(t, &messageFunc{do}, danubetest.Mapping("/n/t", "rows")).Process(messages...)
}

func TestAMessageHasWhatTheHostSent(t *testing.T) {
	sent := danubetest.Delivered{
		Topic: "/n/t", Payload: []byte("1"), ID: "m-1", Key: "k", Published: time.UnixMilli(5).UTC(), Producer: "p",
		Schema: "a@b@12", Attributes: map[string]string{"site": "north"}, Order: 9,
	}
	process(t, func(m danube.Message, _ *danube.Writes) error {
		if m.ID() != "m-1" || string(m.Key()) != "k" || m.Producer() != "p" || m.Order() != 9 || !m.Published().Equal(sent.Published) {
			t.Errorf("%q %q %q %d %v", m.ID(), m.Key(), m.Producer(), m.Order(), m.Published())
		}
		if schema, ok := m.Schema(); !ok || schema != (danube.Schema{Subject: "a@b", Version: 12}) {
			t.Errorf("%+v", schema)
		}
		if site, ok := m.Attribute("site"); !ok || site != "north" || m.Table() != "rows" {
			t.Errorf("%q", site)
		}
		return nil
	}, sent)
	process(t, func(m danube.Message, _ *danube.Writes) error {
		if _, ok := m.Schema(); ok {
			t.Error("a schema of a message without one")
		}
		return nil
	}, danubetest.Message("/n/t", "1"))
}

func TestColumnsThatMostWritesDoNotHaveAreFilledUp(t *testing.T) {
	processed := process(t, func(m danube.Message, out *danube.Writes) error {
		switch text, _ := m.Text(); text {
		case "insert":
			return out.Insert("rows", map[string]string{"a": "<&>"})
		case "forward":
			return out.Forward(m, danube.Table("raw"), danube.ID("f"))
		case "merge":
			return out.Merge("rows", "id", []int{1}, danube.Order(m.Order()))
		case "half":
			out.Upsert("rows", "id", 1, danube.Order(3))
			return danube.InvalidData("no")
		case "empty id":
			return out.Delete("rows", "")
		}
		return out.Delete("rows", "gone")
	}, message("insert"), message("forward"), message("half"), message("merge"), message("empty id"), message("delete"))
	want := []danubetest.Written{
		{Operation: "insert", Table: "rows", Payload: []byte(`{"a":"<&>"}`), Origins: []int{0}},
		{Operation: "insert", Table: "raw", Payload: []byte("forward"), Forwarded: true, Origins: []int{1}, ID: "f"},
		{Operation: "merge", Table: "rows", Payload: []byte("[1]"), Origins: []int{3}, ID: "id", Order: 4},
		{Operation: "delete", Table: "rows", Origins: []int{5}, ID: "gone"},
	}
	for at := range processed.Writes {
		if len(processed.Writes[at].Payload) == 0 {
			processed.Writes[at].Payload = nil
		}
	}
	if !reflect.DeepEqual(processed.Writes, want) {
		t.Errorf("%+v", processed.Writes)
	}
	if len(processed.Refused) != 2 || processed.Refused[1].Message != "an id has 1 to 512 bytes of UTF-8 and no control characters" {
		t.Errorf("%+v", processed.Refused)
	}
}

func TestAFailureOfTheBatchHasItsKind(t *testing.T) {
	cause := errors.New("cause")
	for _, failing := range []struct {
		err  error
		want danubetest.Failure
	}{
		{danube.Retryable(cause, 2*time.Second).WithCode(7), danubetest.Failure{Kind: "retryable", Code: 7, Message: "cause", RetryAfter: 2 * time.Second}},
		{danube.Fatal(cause), danubetest.Failure{Kind: "fatal", Message: "cause"}},
		{danube.Configuration("key %s", "a"), danubetest.Failure{Kind: "configuration", Message: "key a"}},
	} {
		sink := danubetest.Sink(t, &messageFunc{func(danube.Message, *danube.Writes) error { return failing.err }})
		_, err := sink.TryProcess(message("1"))
		var failure *danubetest.Failure
		if !errors.As(err, &failure) || *failure != failing.want {
			t.Errorf("%+v", err)
		}
	}
	if err := danube.Fatal(cause); !errors.Is(err, cause) {
		t.Error("the cause is lost")
	}
}

func message(payload string) danubetest.Delivered {
	made := danubetest.Message("/n/t", payload)
	made.Order = 4
	return made
}
