// Package danubetest runs a connector in an ordinary test, through the same columns as the host: an input is laid out as the
// host would (what the connector does not want is left out), and what it returns is read back as the host would.
//
//	func TestLines(t *testing.T) {
//		source := danubetest.Source(t, &OrderLines{}, danubetest.Endpoint("/orders", "/shop/lines"))
//		polled := source.Poll(danubetest.Event("/orders", `{"id": "o-1", "lines": [1, 2]}`))
//		if len(polled.Records) != 2 {
//			t.Errorf("%+v", polled)
//		}
//	}
package danubetest
