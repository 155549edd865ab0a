package danube_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danube"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danubetest"
)

// summing makes one record of a batch.
type summing struct{}

func (summing) Events(batch []danube.Event, out *danube.Records) error {
	sum, taken := 0, []danube.Event{}
	for _, event := range batch {
		var n int
		if err := event.JSON(&n); err != nil {
			out.Reject(event, err)
			continue
		}
		if n == 13 {
			return errors.New("not 13")
		}
		sum, taken = sum+n, append(taken, event)
	}
	return out.From(taken...).Add("/n/t", sum)
}

// last makes one write of a batch.
type last struct{}

func (last) Messages(batch []danube.Message, out *danube.Writes) error {
	return out.From(batch...).Upsert("rows", "last", json.RawMessage(batch[len(batch)-1].Bytes()))
}

func TestARecordOfManyEventsComesFromAllOfThem(t *testing.T) {
	source := danubetest.Source(t, &summing{})
	polled := source.Poll(event("1"), event("x"), event("3"))
	if got := polled.Records[0]; string(got.Payload) != "4" || !reflect.DeepEqual(got.Origins, []int{0, 2}) {
		t.Errorf("%+v", got)
	}
	if len(polled.Refused) != 1 || polled.Refused[0].Origin != 1 {
		t.Errorf("%+v", polled.Refused)
	}
}

func TestAnErrorOfABatchFailsIt(t *testing.T) {
	source := danubetest.Source(t, &summing{})
	_, err := source.TryPoll(event("1"), event("13"))
	if err == nil || err.Error() != "invalid-data: not 13" {
		t.Errorf("%v", err)
	}
	_, err = source.TryPoll(event("x"))
	want := "fatal: an output was made from nothing: name those it came from, as in out.From(e).Add(…)"
	if err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

func TestAWriteOfManyMessagesComesFromAllOfThem(t *testing.T) {
	written := danubetest.Sink(t, &last{}).Process(message("1"), message("2")).Writes
	if len(written) != 1 || string(written[0].Payload) != "2" || !reflect.DeepEqual(written[0].Origins, []int{0, 1}) {
		t.Errorf("%+v", written)
	}
}

func TestAConnectorWithoutAMethodSaysWhichOnesThereAre(t *testing.T) {
	_, err := danubetest.Source(t, &struct{}{}).TryPoll(event("1"))
	if want := "fatal: the connector has neither `Event(danube.Event, *danube.Records) error` nor `Events`"; err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
	_, err = danubetest.TrySink(t, last{})
	if want := "fatal: a connector is a pointer to a struct: danube.Source(&T{}), danube.Sink(&T{})"; err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}
