package danube

import (
	"errors"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/collector"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_sink"
	types "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_types"
)

// sink is a sink connector between the contract's calls.
type sink struct {
	connector any
	config    Config
	tables    map[string]string
}

func newSink(connector any) *sink { return &sink{connector: connector} }

// Initialize is `initialize` of the contract.
func (s *sink) Initialize(given types.Configuration) ([]string, *types.Failure) {
	config, err := start(s.connector, given)
	if err != nil {
		return nil, configurationFailure(err)
	}
	s.config, s.tables = config, map[string]string{}
	for _, mapping := range config.Mappings {
		s.tables[mapping.Topic] = mapping.Table
	}
	return wants(s.connector, ofMessages), nil
}

// ConsumerConfigs is `consumer-configs` of the contract.
func (s *sink) ConsumerConfigs() ([]types.ConsumerConfig, *types.Failure) {
	choose := s.config.consumerConfigs
	if chooser, ok := s.connector.(SubscriptionChooser); ok {
		choose = chooser.Subscriptions
	}
	chosen, err := choose()
	if err != nil {
		return nil, configurationFailure(err)
	}
	configs := make([]types.ConsumerConfig, len(chosen))
	for i, config := range chosen {
		configs[i] = config.contract()
	}
	return configs, nil
}

// ProcessBatch is `process-batch` of the contract.
func (s *sink) ProcessBatch(batch danube_connector_sink.MessageBatch) (danube_connector_sink.WriteBatch, *types.Failure) {
	collector.BeforeCall()
	made := &writeColumns{}
	if err := s.process(&batch, made); err != nil {
		return danube_connector_sink.WriteBatch{}, failure(err)
	}
	return made.finish(), nil
}

func (s *sink) process(batch *danube_connector_sink.MessageBatch, made *writeColumns) error {
	messages := make([]Message, len(batch.Payloads.Ends))
	for at := range messages {
		messages[at] = Message{batch, s, at}
	}
	switch connector := s.connector.(type) {
	case SinkBatchConnector:
		err := guarded(func() error { return connector.Messages(messages, &Writes{made: made}) })
		if err == nil {
			err = made.err
		}
		return err
	case SinkConnector:
		return eachMessage(connector, messages, made)
	}
	return Fatal(errors.New("the connector has neither `Message(danube.Message, *danube.Writes) error` nor `Messages`"))
}

func eachMessage(connector SinkConnector, messages []Message, made *writeColumns) error {
	out := &Writes{made: made, origins: []uint32{0}}
	for at, message := range messages {
		collector.BeforeEvent(len(message.Bytes()))
		out.origins[0], made.err = uint32(at), nil
		before := made.Mark()
		err := guarded(func() error { return connector.Message(message, out) })
		if err == nil {
			err = made.err
		}
		if err == nil {
			continue
		}
		if _, ok := refused(err); !ok {
			return err
		}
		made.rollback(before)
		made.Rejected = append(made.Rejected, rejection(at, err))
	}
	return nil
}
