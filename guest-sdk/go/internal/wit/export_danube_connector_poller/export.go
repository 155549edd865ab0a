// Package export_danube_connector_poller is what the generated exports of world `polling-source-connector` call beside those of
// a source.
package export_danube_connector_poller

import (
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/guest"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_poller"
	types "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_types"
	wit "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/types"
)

// Fetch is `fetch` of the contract.
func Fetch(room danube_connector_poller.Room) wit.Result[danube_connector_poller.Page, types.Failure] {
	return guest.Result(guest.ThePoller.Fetch(room))
}
