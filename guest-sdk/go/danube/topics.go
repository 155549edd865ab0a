package danube

import (
	"encoding/json"

	types "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_types"
	wit "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/types"
)

// A ProducerConfig is a topic that a source publishes to.
type ProducerConfig struct {
	// Topic is `/namespace/name`. The host refuses topics that the pipeline file does not grant.
	Topic string
	// Partitions to create it with; 0 for a topic without.
	Partitions uint32
	// Reliable asks the broker to keep each message until every subscription has acknowledged it.
	Reliable bool
}

// A ConsumerConfig is a topic that a sink consumes.
type ConsumerConfig struct {
	// Topic is `/namespace/name`. The host refuses topics that the pipeline file does not grant.
	Topic string
	// Subscription is the name of what holds the position.
	Subscription string
	// Type is how its messages are shared.
	Type SubscriptionType
	// SchemaSubject refuses messages whose schema is of another subject; empty for any.
	SchemaSubject string
}

// A SubscriptionType is how consumers of one subscription share its messages.
type SubscriptionType uint8

const (
	// Exclusive is one consumer; order is kept.
	Exclusive = SubscriptionType(types.SubscriptionTypeExclusive)
	// Shared is any number of consumers; no order.
	Shared = SubscriptionType(types.SubscriptionTypeShared)
	// Failover is one active consumer, others stand by; order is kept.
	Failover = SubscriptionType(types.SubscriptionTypeFailover)
	// KeyShared is any number of consumers; messages of one key go to one of them, in order.
	KeyShared = SubscriptionType(types.SubscriptionTypeKeyShared)
)

var subscriptionTypes = map[string]SubscriptionType{
	"Exclusive": Exclusive, "Shared": Shared, "Failover": Failover, "FailOver": Failover, "KeyShared": KeyShared,
}

// UnmarshalJSON reads it as the pipeline file spells it.
func (t *SubscriptionType) UnmarshalJSON(text []byte) error {
	var name string
	if err := json.Unmarshal(text, &name); err != nil {
		return err
	}
	known, ok := subscriptionTypes[name]
	if !ok {
		return Configuration("`%s` is no subscription type: Exclusive, Shared, Failover or KeyShared", name)
	}
	*t = known
	return nil
}

// producerConfigs are the topics of the endpoints, each once. Endpoints of one topic must agree on how it is made.
func (c Config) producerConfigs() ([]ProducerConfig, error) {
	var configs []ProducerConfig
	places := map[string]int{}
	for _, endpoint := range c.Endpoints {
		config := ProducerConfig{endpoint.Topic, endpoint.Partitions, endpoint.Reliable}
		at, known := places[config.Topic]
		if !known {
			places[config.Topic] = len(configs)
			configs = append(configs, config)
		} else if configs[at] != config {
			return nil, Configuration("endpoint `%s` and another one publish to `%s` with different `partitions` or "+
				"`reliable_dispatch`: give both the same", endpoint.Path, endpoint.Topic)
		}
	}
	return configs, nil
}

// consumerConfigs are the topics of the mappings. A topic may have one mapping only: a message says which topic it came
// from, not which subscription.
func (c Config) consumerConfigs() ([]ConsumerConfig, error) {
	var configs []ConsumerConfig
	seen := map[string]bool{}
	for _, mapping := range c.Mappings {
		if seen[mapping.Topic] {
			return nil, Configuration("topic `%s` has two mappings: use a second sink, with a subscription of its own", mapping.Topic)
		}
		seen[mapping.Topic] = true
		configs = append(configs, ConsumerConfig{mapping.Topic, mapping.Subscription, mapping.Type, mapping.SchemaSubject})
	}
	return configs, nil
}

func (c ProducerConfig) contract() types.ProducerConfig {
	return types.ProducerConfig{Topic: c.Topic, Partitions: c.Partitions, ReliableDispatch: c.Reliable}
}

func (c ConsumerConfig) contract() types.ConsumerConfig {
	subject := wit.None[string]()
	if c.SchemaSubject != "" {
		subject = wit.Some(c.SchemaSubject)
	}
	return types.ConsumerConfig{
		Topic: c.Topic, Subscription: c.Subscription,
		SubscriptionType: types.SubscriptionType(c.Type), ExpectedSchemaSubject: subject,
	}
}
