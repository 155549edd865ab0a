// Command poller is the conformance suite's poller: orders are fetched from a feed.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danube"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/danubehttp"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/state"
)

const cursor = "cursor"

// OrderFeed has what it was configured with.
type OrderFeed struct {
	URL       string `danube:"url,required"`
	TimeoutMs uint32 `danube:"timeout_ms,default=1000"`
}

func init() { danube.PollingSource(&OrderFeed{}) }

func main() {}

// answer is a page of the feed.
type answer struct {
	Orders  []json.RawMessage `json:"orders"`
	Next    string            `json:"next"`
	Reset   bool              `json:"reset"`
	More    bool              `json:"more"`
	AgainMs *int64            `json:"again_ms"`
	Ack     string            `json:"ack"`
	Panic   bool              `json:"panic"`
}

// Fetch asks for the orders behind the cursor.
func (c *OrderFeed) Fetch(room danube.Room, page *danube.Page) error {
	after, ok := state.GetText(cursor)
	if !ok {
		after = "0"
	}
	found, err := c.ask(after, room)
	if err != nil {
		return err
	}
	for _, order := range found.Orders {
		var named struct{ ID, Customer string }
		if err := json.Unmarshal(order, &named); err != nil {
			return err
		}
		page.Add(order, danube.ID(named.ID), danube.Key(named.Customer), danube.Attribute("page", after))
	}
	if err := c.remember(found); err != nil {
		return err
	}
	if found.Panic {
		panic("the feed panics")
	}
	if found.More {
		page.AgainAfter(0)
	}
	if found.AgainMs != nil {
		page.AgainAfter(time.Duration(*found.AgainMs) * time.Millisecond)
	}
	if found.Ack == "" {
		return nil
	}
	return c.acknowledge(found.Ack)
}

func (c *OrderFeed) ask(after string, room danube.Room) (found answer, err error) {
	query := fmt.Sprintf("?after=%s&limit=%d", url.QueryEscape(after), room.Events)
	response, err := c.send(danubehttp.Get(c.URL + query))
	if err != nil {
		return found, err
	}
	if !response.OK() {
		text, _ := response.Header("retry-after")
		seconds, _ := strconv.Atoi(text)
		err := fmt.Errorf("the feed answered %d", response.Status)
		return found, danube.Retryable(err, time.Duration(seconds)*time.Second)
	}
	return found, response.JSON(&found)
}

func (*OrderFeed) remember(found answer) error {
	if found.Reset {
		return state.Delete(cursor)
	}
	if found.Next == "" {
		return nil
	}
	return state.Set(cursor, found.Next)
}

func (c *OrderFeed) acknowledge(token string) error {
	response, err := c.send(danubehttp.Post(c.URL+"/ack", nil).JSON(map[string]string{"ack": token}))
	if err == nil && response.Status != 204 {
		err = danube.Fatal(errors.New("the feed refused the ack"))
	}
	return err
}

func (c *OrderFeed) send(request *danubehttp.Request) (*danubehttp.Response, error) {
	timeout := time.Duration(c.TimeoutMs) * time.Millisecond
	return request.Header("authorization", "secret:feed").Timeout(timeout).Send()
}
