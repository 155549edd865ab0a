// Package danube is for connectors of the Danube message broker as sandboxed WebAssembly components. A source turns events
// from the outside world into records for topics; a sink turns messages from topics into writes to a target. The host,
// danube-wasm, owns every socket, retry, batch and acknowledgement; a connector is the part that knows the data.
//
//	type OrderLines struct {
//		Key string `danube:"key_field,default=id"` // settings are the fields
//	}
//
//	func (c *OrderLines) Event(e danube.Event, out *danube.Records) error {
//		var order Order
//		if err := e.JSON(&order); err != nil {
//			return err // not JSON, or not an order: the sender is told so
//		}
//		for _, line := range order.Lines {
//			out.Add("/shop/lines", line, danube.Key(order.ID))
//		}
//		return nil
//	}
//
//	func init() { danube.Source(&OrderLines{}) }
//
//	func main() {}
//
// Native tests run a connector through the same columns as the host: package danubetest.
package danube
