package danube_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danube"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danubetest"
)

type many struct {
	Name   string            `danube:"name,required"`
	Limit  uint8             `danube:"limit,default=10"`
	Share  float64           `danube:"share"`
	Wait   time.Duration     `danube:"wait,default=50ms"`
	Tags   []string          `danube:"tags"`
	Names  map[string]string `danube:"names"`
	config danube.Config
}

func (m *many) Start(config danube.Config) error {
	m.config = config
	if m.Name == "refused" {
		return errors.New("name: choose another one")
	}
	return nil
}

func (*many) Wants() []danube.Column                          { return nil }
func (*many) Event(e danube.Event, out *danube.Records) error { return out.Add("/n/t", e.ID()) }

func TestSettingsAreFields(t *testing.T) {
	var filled many
	danubetest.Source(t, &filled, danubetest.Setting("name", "a,b"), danubetest.Setting("share", 0.5),
		danubetest.Setting("tags", []string{"x"}), danubetest.Setting("names", map[string]string{"a": "b"}),
		danubetest.Endpoint("/in", "/n/t", "own", 7, "partitions", 3))
	want := many{Name: "a,b", Limit: 10, Share: 0.5, Wait: 50 * time.Millisecond, Tags: []string{"x"}, Names: map[string]string{"a": "b"}}
	want.config = filled.config
	if !reflect.DeepEqual(filled, want) {
		t.Errorf("%+v", filled)
	}
	endpoint := filled.config.Endpoints[0]
	if filled.config.Connector != "under-test" || endpoint.Partitions != 3 || string(endpoint.More["own"]) != "7" {
		t.Errorf("%+v", filled.config)
	}
}

func TestSettingsThatDoNotFitAreNamed(t *testing.T) {
	for want, options := range map[string][]danubetest.Option{
		"`name` is missing: it is a string":                              nil,
		"`limit` is -1: a whole number that is not negative is expected": {danubetest.Setting("name", "a"), danubetest.Setting("limit", -1)},
		"`wait` is 7: a duration such as \"50ms\" is expected":           {danubetest.Setting("name", "a"), danubetest.Setting("wait", 7)},
		"unknown `nam`, `tag`: known are `name`, `limit`, `share`, `wait`, `tags`, `names`": {
			danubetest.Setting("tag", 1), danubetest.Setting("nam", 1)},
	} {
		_, err := danubetest.TrySource(t, &many{}, options...)
		if err == nil || err.Error() != "configuration: the settings of `under-test`: "+want {
			t.Errorf("%v", err)
		}
	}
	_, err := danubetest.TrySource(t, &many{}, danubetest.Setting("name", "refused"))
	if err == nil || err.Error() != "configuration: name: choose another one" {
		t.Errorf("%v", err)
	}
}

func TestWhatIsNotWantedIsNotGiven(t *testing.T) {
	source := danubetest.Source(t, &many{}, danubetest.Setting("name", "a"))
	sent := event("1")
	sent.ID = "e-1"
	if got := string(source.Poll(sent).Records[0].Payload); got != `""` {
		t.Error(got)
	}
}

func TestTopicsAreThoseOfTheEndpointsEachOnce(t *testing.T) {
	name := danubetest.Setting("name", "a")
	source := danubetest.Source(t, &many{}, name, danubetest.Endpoint("/a", "/n/t", "partitions", 4),
		danubetest.Endpoint("/b", "/n/t", "partitions", 4), danubetest.Endpoint("/c", "/n/u", "reliable_dispatch", false))
	topics, err := source.Topics()
	want := []danube.ProducerConfig{{Topic: "/n/t", Partitions: 4, Reliable: true}, {Topic: "/n/u"}}
	if err != nil || !reflect.DeepEqual(topics, want) {
		t.Errorf("%+v, %v", topics, err)
	}
	source = danubetest.Source(t, &many{}, name, danubetest.Endpoint("/a", "/n/t", "partitions", 4), danubetest.Endpoint("/b", "/n/t"))
	if _, err = source.Topics(); err == nil {
		t.Error("two endpoints make one topic differently")
	}
}

func TestSubscriptionsAreThoseOfTheMappings(t *testing.T) {
	sink := danubetest.Sink(t, &last{}, danubetest.Mapping("/n/t", "rows", "subscription_type", "FailOver", "expected_schema_subject", "s"))
	subscriptions, err := sink.Subscriptions()
	want := []danube.ConsumerConfig{{Topic: "/n/t", Subscription: "test", Type: danube.Failover, SchemaSubject: "s"}}
	if err != nil || !reflect.DeepEqual(subscriptions, want) {
		t.Errorf("%+v, %v", subscriptions, err)
	}
	twice := danubetest.Sink(t, &last{}, danubetest.Mapping("/n/t", "a"), danubetest.Mapping("/n/t", "b"))
	_, err = twice.Subscriptions()
	if want := "configuration: topic `/n/t` has two mappings: use a second sink, with a subscription of its own"; err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}
