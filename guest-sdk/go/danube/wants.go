package danube

// A Column is something that the host can send beside an input's payload and its endpoint or topic. A connector that wants
// fewer is given less to carry: see [Chooser].
type Column string

// What an event or a message can have.
const (
	// IDs is for Event.ID and Message.ID.
	IDs Column = "ids"
	// Keys is for Event.Key and Message.Key.
	Keys Column = "keys"
	// Attributes is for Event.Attribute and Message.Attribute.
	Attributes Column = "attributes"
	// Headers is for Event.Header.
	Headers Column = "headers"
	// ContentTypes is for Event.ContentType.
	ContentTypes Column = "content-types"
	// ReceivedTimes is for Event.Received.
	ReceivedTimes Column = "received"
	// PublishTimes is for Message.Published.
	PublishTimes Column = "publish-times"
	// Producers is for Message.Producer.
	Producers Column = "producers"
	// Schemas is for Message.Schema.
	Schemas Column = "schemas"
	// Orders is for Message.Order.
	Orders Column = "orders"
)

var (
	ofEvents   = []Column{IDs, Keys, Attributes, Headers, ContentTypes, ReceivedTimes}
	ofMessages = []Column{IDs, Keys, Attributes, PublishTimes, Producers, Schemas, Orders}
)

// wants is what the connector asks for.
func wants(connector any, all []Column) []string {
	if chooser, ok := connector.(Chooser); ok {
		all = chooser.Wants()
	}
	names := make([]string, len(all))
	for i, column := range all {
		names[i] = string(column)
	}
	return names
}
