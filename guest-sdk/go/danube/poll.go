package danube

import (
	"errors"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/collector"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/guest"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_poller"
	types "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_types"
)

// A PollingConnector asks for its events itself: `kind = "poller"` in connector.toml, `[sources.poll]` in the pipeline file.
// What it fetched comes to its Event or Events, perhaps in another instance; without them each becomes a record of its own,
// with its key, for the topic of the pipeline file.
//
// Fetch fetches the next events, after those that package state says the calls before have fetched. An error that may pass is
// tried again after a wait, [Fatal] and [Configuration] stop the connector; whatever a call that fails changed of the state is
// forgotten.
type PollingConnector interface {
	Fetch(room Room, page *Page) error
}

// Room is what may be fetched.
type Room struct {
	// Events are at most so many; at least 1.
	Events int
	// Bytes of payloads are at most so many; one event may have more.
	Bytes int
}

// PollingSource makes this component a source that asks for its events itself. Call it in an init function, with a pointer to
// a [PollingConnector].
func PollingSource(connector any) {
	Source(connector)
	guest.ThePoller = newSource(connector)
	guest.TheSource = guest.ThePoller
}

// Fetch is `fetch` of the contract.
func (s *source) Fetch(room danube_connector_poller.Room) (danube_connector_poller.Page, *types.Failure) {
	collector.BeforeCall()
	connector, ok := s.connector.(PollingConnector)
	if !ok {
		return danube_connector_poller.Page{}, failure(Fatal(errors.New(
			"the connector has no `Fetch(danube.Room, *danube.Page) error`, or is not made by danube.PollingSource")))
	}
	page := &Page{}
	err := guarded(func() error { return connector.Fetch(Room{Events: int(room.Events), Bytes: int(room.Bytes)}, page) })
	if err == nil {
		err = page.err
	}
	if err != nil {
		return danube_connector_poller.Page{}, failure(err)
	}
	return page.finish(), nil
}

// forwards is what becomes of fetched events whose connector has no method of its own for them.
type forwards struct{}

func (forwards) Event(e Event, out *Records) error { return out.Forward(e, Key(e.Key())) }

func (forwards) Wants() []Column { return []Column{Keys} }

// ofEvents is what turns events into records: the connector, if it does.
func (s *source) ofEvents() any {
	switch s.connector.(type) {
	case SourceConnector, SourceBatchConnector:
		return s.connector
	case PollingConnector:
		return forwards{}
	}
	return s.connector
}
