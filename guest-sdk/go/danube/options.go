package danube

// A RecordOption says more of a record.
type RecordOption interface{ ofRecord(*recordOptions) }

// A WriteOption says more of a write.
type WriteOption interface{ ofWrite(*writeOptions) }

type recordOptions struct {
	topic, key, id string
	attributes     []pair
}

type writeOptions struct {
	table, id string
	hasID     bool
	order     uint64
}

type pair struct{ name, value string }

type keyOption string

func (key keyOption) ofRecord(o *recordOptions) { o.key = string(key) }

// Key gives a record a routing key: records of one key keep their order. An empty one is none.
func Key[T ~string | ~[]byte](key T) RecordOption { return keyOption(key) }

type topicOption string

func (topic topicOption) ofRecord(o *recordOptions) { o.topic = string(topic) }

// Topic sends a forwarded event to another topic than that of its endpoint.
func Topic(topic string) RecordOption { return topicOption(topic) }

type attributeOption pair

func (attribute attributeOption) ofRecord(o *recordOptions) {
	o.attributes = append(o.attributes, pair(attribute))
}

// Attribute gives a record an attribute. Names beginning with `x-danube-wasm-` are the host's and are dropped.
func Attribute(name, value string) RecordOption { return attributeOption{name, value} }

// An IDOption is for records and writes.
type IDOption string

func (id IDOption) ofRecord(o *recordOptions) { o.id = string(id) }
func (id IDOption) ofWrite(o *writeOptions)   { o.id, o.hasID = string(id), true }

// ID gives a record an event id that is better than the transport's, such as a payment provider's: the sender's retries
// then meet the same record. Or it gives an inserted document its id.
func ID(id string) IDOption { return IDOption(id) }

type tableOption string

func (table tableOption) ofWrite(o *writeOptions) { o.table = string(table) }

// Table sends a forwarded message to another table than that of its mapping.
func Table(table string) WriteOption { return tableOption(table) }

type orderOption uint64

func (order orderOption) ofWrite(o *writeOptions) { o.order = uint64(order) }

// Order gives a write a rising number: an upsert, merge or delete applies only if its order is not lower than the one that
// the document was last written or deleted with. 0 applies always. With [Message.Order] it applies only if it is higher, or
// if the same record is written again.
func Order(order uint64) WriteOption { return orderOption(order) }
