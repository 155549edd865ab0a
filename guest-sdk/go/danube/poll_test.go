package danube_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danube"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danubehttp"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danubetest"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/state"
)

// fetching is a polling source whose Fetch is the function.
type fetching struct {
	fetch func(danube.Room, *danube.Page) error
}

func (f *fetching) Fetch(room danube.Room, page *danube.Page) error { return f.fetch(room, page) }

// doubled makes something else of what it fetched.
type doubled struct{ fetching }

func (*doubled) Event(e danube.Event, out *danube.Records) error {
	var n int
	if err := e.JSON(&n); err != nil {
		return err
	}
	tag, _ := e.Attribute("x")
	return out.Add(e.Topic(), 2*n, danube.ID(e.ID()+":0"), danube.Attribute("x", tag))
}

func one(_ danube.Room, page *danube.Page) error {
	return page.Add(21, danube.ID("a"), danube.Key("k"), danube.Attribute("x", "y"))
}

func TestWhatWasFetchedBecomesARecordAsItIsOrAsTheConnectorSays(t *testing.T) {
	plain := danubetest.Poller(t, &fetching{one}, "/n/t")
	if record := plain.PollPage(plain.Fetch()).Records[0]; !record.Forwarded || record.Key != "k" || record.Topic != "/n/t" {
		t.Errorf("%+v", record)
	}
	own := danubetest.Poller(t, &doubled{fetching{one}}, "/n/t")
	record := own.PollPage(own.Fetch()).Records[0]
	if string(record.Payload) != "42" || record.ID != "a:0" || record.Attributes["x"] != "y" {
		t.Errorf("%+v", record)
	}
}

func TestAPageCountsAndRemembersItsFirstError(t *testing.T) {
	poller := danubetest.Poller(t, &fetching{func(room danube.Room, page *danube.Page) error {
		page.AddBytes([]byte("\xff\x00"))
		page.Add("é", danube.Key("7"))
		if page.Len() != 2 || page.Bytes() != 6 || room.Events != 3 {
			t.Errorf("%d, %d, %+v", page.Len(), page.Bytes(), room)
		}
		page.Add(1, danube.ID("a\n"))
		page.Add(func() {})
		return nil
	}}, "/n/t")
	_, err := poller.TryFetch(danube.Room{Events: 3, Bytes: 10})
	if want := "invalid-data: an id has 1 to 256 bytes of UTF-8 and no control characters"; err == nil || err.Error() != want {
		t.Error(err)
	}
}

func TestStateHasTheLimitsOfTheHost(t *testing.T) {
	poller := danubetest.Poller(t, &fetching{func(danube.Room, *danube.Page) error {
		fine := errors.Join(
			state.Set(strings.Repeat("k", 128), make([]byte, 65_536)), state.Delete(strings.Repeat("k", 128)), state.Delete("none"))
		for n := range 256 {
			fine = errors.Join(fine, state.Set(fmt.Sprintf("%03d", n), "x"))
		}
		fine = errors.Join(fine, state.Set("000", "\xff"))
		_, isText := state.GetText("000")
		value, ok := state.Get("000")
		if fine != nil || isText || !ok || value[0] != 0xff || state.Keys()[1] != "001" {
			t.Error(fine, isText, ok, value)
		}
		for _, refused := range []struct{ key, value, said string }{
			{"", "", "a key has 1 to 128 bytes"},
			{strings.Repeat("é", 65), "", "a key has 1 to 128 bytes"},
			{"001", strings.Repeat("x", 65_537), "a value has at most 64 KiB"},
			{"more", "", "at most 256 keys"},
		} {
			if err := state.Set(refused.key, refused.value); err == nil || !strings.Contains(err.Error(), refused.said) {
				t.Error(err)
			}
		}
		return nil
	}}, "/n/t")
	poller.Fetch()
	if err := state.Set("late", "x"); err == nil || !strings.HasSuffix(err.Error(), "state is there while `Fetch` runs, and at no other time") {
		t.Error(err)
	}
	if len(poller.State) != 256 {
		t.Error(len(poller.State))
	}
}

func TestRedirectsOfGetAreFollowedAndNotForEver(t *testing.T) {
	moved := map[string]string{
		"https://a.example/p/1?q":                    "2?to=https://c.example",
		"https://a.example/p/2?to=https://c.example": "//b.example/3",
		"https://a.example/loop":                     "/loop",
	}
	api := func(request *danubetest.Request) (*danubetest.Response, error) {
		if to, ok := moved[request.URL]; ok {
			return &danubetest.Response{Status: 302, Headers: map[string]string{"Location": to}}, nil
		}
		return &danubetest.Response{Body: "here"}, nil
	}
	poller := danubetest.Poller(t, &fetching{func(danube.Room, *danube.Page) error {
		answer, err := danubehttp.Get("https://a.example/p/1?q").Send()
		if err != nil || string(answer.Body) != "here" || answer.URL != "https://b.example/3" {
			t.Error(answer, err)
		}
		if posted, err := danubehttp.Post("https://a.example/p/1?q", nil).Send(); err != nil || posted.Status != 302 {
			t.Error(posted, err)
		}
		for url, said := range map[string]string{
			"https://a.example/loop": "more than 5 redirects, the last to https://a.example/loop",
			"a.example/x":            "is not an absolute URL",
			"https:///x":             "is not an absolute URL",
		} {
			if _, err := danubehttp.Get(url).Send(); err == nil || !strings.Contains(err.Error(), said) {
				t.Error(url, err)
			}
		}
		return nil
	}}, "/n/t", danubetest.HTTP(api))
	poller.Fetch()
}

// priced asks for the price of each order.
type priced struct{}

func (*priced) Message(m danube.Message, out *danube.Writes) error {
	answer, err := danubehttp.NewRequest("PUT", "https://api.example/prices").JSON(map[string]int{"id": 1}).Send()
	if err != nil {
		return err
	}
	return out.Upsert(m.Table(), "1", map[string]string{"price": string(answer.Body)})
}

func TestASinkAsksAndWhatIsNotAnsweredIsTriedAgain(t *testing.T) {
	sink := danubetest.Sink(t, &priced{}, danubetest.Mapping("/n/t", "orders"), danubetest.HTTP(
		func(*danubetest.Request) (*danubetest.Response, error) { return &danubetest.Response{Body: "7"}, nil }))
	if made := sink.Process(danubetest.Message("/n/t", "{}")); string(made.Writes[0].Payload) != `{"price":"7"}` {
		t.Errorf("%+v", made)
	}
	if asked := sink.Requests[0]; asked.Method != "PUT" || asked.Body != `{"id":1}` {
		t.Errorf("%+v", asked)
	}
	silent := danubetest.Sink(t, &priced{}, danubetest.Mapping("/n/t", "orders"), danubetest.HTTP(
		func(*danubetest.Request) (*danubetest.Response, error) { return nil, danubetest.NotGranted }))
	_, err := silent.TryProcess(danubetest.Message("/n/t", "{}"))
	if want := "retryable: " + danubetest.NotGranted.Error(); err == nil || err.Error() != want {
		t.Error(err)
	}
}
