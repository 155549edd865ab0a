package danube

import (
	"errors"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/collector"
	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_source"
	types "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_types"
)

// source is a source connector between the contract's calls.
type source struct {
	connector any
	config    Config
	topics    map[string]string
}

func newSource(connector any) *source { return &source{connector: connector} }

// Initialize is `initialize` of the contract.
func (s *source) Initialize(given types.Configuration) ([]string, *types.Failure) {
	config, err := start(s.connector, given)
	if err != nil {
		return nil, configurationFailure(err)
	}
	s.config, s.topics = config, map[string]string{}
	for _, endpoint := range config.Endpoints {
		s.topics[endpoint.Path] = endpoint.Topic
	}
	return wants(s.ofEvents(), ofEvents), nil
}

// ProducerConfigs is `producer-configs` of the contract.
func (s *source) ProducerConfigs() ([]types.ProducerConfig, *types.Failure) {
	choose := s.config.producerConfigs
	if chooser, ok := s.connector.(TopicChooser); ok {
		choose = chooser.Topics
	}
	chosen, err := choose()
	if err != nil {
		return nil, configurationFailure(err)
	}
	configs := make([]types.ProducerConfig, len(chosen))
	for i, config := range chosen {
		configs[i] = config.contract()
	}
	return configs, nil
}

// Poll is `poll` of the contract.
func (s *source) Poll(batch danube_connector_source.EventBatch) (danube_connector_source.RecordBatch, *types.Failure) {
	collector.BeforeCall()
	made := &recordColumns{}
	if err := s.poll(&batch, made); err != nil {
		return danube_connector_source.RecordBatch{}, failure(err)
	}
	return made.finish(), nil
}

func (s *source) poll(batch *danube_connector_source.EventBatch, made *recordColumns) error {
	events := make([]Event, len(batch.Payloads.Ends))
	for at := range events {
		events[at] = Event{batch, s, at}
	}
	switch connector := s.ofEvents().(type) {
	case SourceBatchConnector:
		err := guarded(func() error { return connector.Events(events, &Records{made: made}) })
		if err == nil {
			err = made.err
		}
		return err
	case SourceConnector:
		return each(connector, events, made)
	}
	return Fatal(errors.New("the connector has neither `Event(danube.Event, *danube.Records) error` nor `Events`"))
}

func each(connector SourceConnector, events []Event, made *recordColumns) error {
	out := &Records{made: made, origins: []uint32{0}}
	for at, event := range events {
		collector.BeforeEvent(len(event.Bytes()))
		out.origins[0], made.err = uint32(at), nil
		before := made.mark()
		err := guarded(func() error { return connector.Event(event, out) })
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
		made.reject(at, err)
	}
	return nil
}
