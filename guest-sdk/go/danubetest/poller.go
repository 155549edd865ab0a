package danubetest

import (
	"slices"
	"testing"
	"time"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danube"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/columns"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/guest"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/hoststate"
	contract "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_poller"
	types "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_types"
	wit "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/types"
)

// The endpoint of a source that fetches.
const poll = "poll"

// A PollerHarness is a polling source, ready to be called. Its events go to one topic.
type PollerHarness struct {
	*SourceHarness
	// State is what it remembers. A fetch that fails leaves it as it was.
	State map[string][]byte

	slot guest.Poller
}

// A FetchedEvent is an event that was fetched.
type FetchedEvent struct {
	Payload []byte
	// ID is empty where the host makes it.
	ID         string
	Key        string
	Attributes map[string]string
}

// A FetchedPage is what a fetch gave.
type FetchedPage struct {
	Events []FetchedEvent
	// AgainAfter is when to fetch again, if Again says that there is such.
	AgainAfter time.Duration
	Again      bool
}

// Poller configures a polling source whose events go to this topic. The test fails if it refuses: see [TryPoller].
func Poller(t testing.TB, connector any, topic string, options ...Option) *PollerHarness {
	t.Helper()
	harness, err := TryPoller(t, connector, topic, options...)
	if err != nil {
		t.Fatal(err)
	}
	return harness
}

// TryPoller configures a polling source that may refuse its configuration, with a [Failure].
func TryPoller(t testing.TB, connector any, topic string, options ...Option) (*PollerHarness, error) {
	t.Helper()
	slot := guest.NewSource(connector)
	harness, given, err := startSource(t, slot, append(options, Endpoint(poll, topic)))
	if err != nil {
		return nil, err
	}
	if given.state == nil {
		given.state = map[string][]byte{}
	}
	return &PollerHarness{harness, given.state, slot}, nil
}

// Fetch fetches, with room for 100 events and 1 MiB. The test fails if the call does: see [PollerHarness.TryFetch].
func (h *PollerHarness) Fetch() FetchedPage {
	h.t.Helper()
	page, err := h.TryFetch(danube.Room{Events: 100, Bytes: 1 << 20})
	if err != nil {
		h.t.Fatal(err)
	}
	return page
}

// TryFetch fetches with this room; it may fail, with a [Failure].
func (h *PollerHarness) TryFetch(room danube.Room) (FetchedPage, error) {
	var page contract.Page
	var failed *types.Failure
	after := hoststate.During(h.State, func() {
		page, failed = h.slot.Fetch(contract.Room{Events: uint32(room.Events), Bytes: uint32(room.Bytes)})
	})
	if failed != nil {
		return FetchedPage{}, failure(failed)
	}
	h.State = after
	return fetched(&page), nil
}

// PollPage gives it the events of a page, as the host does.
func (h *PollerHarness) PollPage(page FetchedPage) Polled {
	h.t.Helper()
	var events []Incoming
	for _, event := range page.Events {
		events = append(events, Incoming{
			Endpoint: poll, Payload: event.Payload, ID: event.ID, Key: event.Key, Attributes: event.Attributes,
		})
	}
	return h.Poll(events...)
}

func fetched(page *contract.Page) FetchedPage {
	var read FetchedPage
	for at := range page.Payloads.Ends {
		read.Events = append(read.Events, FetchedEvent{
			Payload:    slices.Clone(columns.Blob(&page.Payloads, at)),
			ID:         columns.Text(&page.Ids, at),
			Key:        columns.Text(&page.Keys, at),
			Attributes: pairs(&page.Attributes, at),
		})
	}
	if page.AgainAfterMs.Tag() == wit.OptionSome {
		read.Again, read.AgainAfter = true, time.Duration(page.AgainAfterMs.Some())*time.Millisecond
	}
	return read
}
