package danube_test

import (
	"reflect"
	"testing"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danube"
)

func TestAChangeOfARowIsInTheAttributes(t *testing.T) {
	changed := message("{}")
	changed.Attributes = map[string]string{"change.op": "update", "change.unchanged": "a,b", "change.key-changed": "true"}
	unknown := message("{}")
	unknown.Attributes = map[string]string{"change.op": "upend"}
	var got []danube.Change
	processed := process(t, func(m danube.Message, _ *danube.Writes) error {
		change, ok, err := m.Change()
		if ok {
			got = append(got, change)
		}
		return err
	}, message("{}"), changed, unknown)
	want := []danube.Change{{Operation: "update", Unchanged: []string{"a", "b"}, KeyChanged: true}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if len(processed.Refused) != 1 || processed.Refused[0].Message != "the attribute `change.op` is `upend`, which is no change" {
		t.Errorf("%+v", processed.Refused)
	}
}
