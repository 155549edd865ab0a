//! The connector of a dead letter, from the current pipeline file.

use danube_wasm_config::{self as config, Component, Pipeline};
use danube_wasm_model::{ConnectorId, Targets, TopicName, door::ConsumerConfig};

/// A connector from the current pipeline file.
pub(super) struct Connector {
    pub(super) component: Component,
    pub(super) settings: String,
    /// The settings with `${NAME}` in place of values from the environment.
    pub(super) settings_kept: String,
    /// What the pipeline file says of its limits.
    pub(super) limits: config::Limits,
    pub(super) topics: Vec<TopicName>,
    /// The tables that a sink may write to.
    pub(super) targets: Targets,
    /// Subjects that a sink expects on its topics.
    expected: Vec<(TopicName, String)>,
    /// The schemas of its topics.
    pub(super) schemas: Vec<config::Schema>,
}

impl Connector {
    /// Returns the connector with this id.
    pub(super) fn find(pipeline: &Pipeline, id: &ConnectorId) -> Option<Self> {
        let source = pipeline.sources.iter().find(|source| source.id == *id);
        let sink = pipeline.sinks.iter().find(|sink| sink.id == *id);
        source
            .map(|source| Self::of_source(pipeline, source))
            .or_else(|| sink.map(Self::of_sink))
    }

    fn of_source(pipeline: &Pipeline, source: &config::Source) -> Self {
        let topics: Vec<_> = source.routes().into_iter().map(|route| route.topic).collect();
        let schemas = pipeline.schemas.iter().filter(|schema| topics.contains(&schema.topic));
        Self {
            component: source.component.clone(),
            settings: source.settings_json(),
            settings_kept: source.settings_kept(),
            limits: source.limits.clone(),
            expected: Vec::new(),
            targets: Targets::default(),
            schemas: schemas.cloned().collect(),
            topics,
        }
    }

    fn of_sink(sink: &config::Sink) -> Self {
        let mappings = sink.mappings();
        let consumers = || mappings.iter().map(|mapping| &mapping.consumer);
        let expected = |consumer: &ConsumerConfig| {
            let subject = consumer.expected_schema_subject.clone()?;
            Some((consumer.topic.clone(), subject))
        };
        Self {
            component: sink.component.clone(),
            settings: sink.settings_json(),
            settings_kept: sink.settings_kept(),
            limits: sink.limits.clone(),
            targets: mappings.iter().flat_map(|mapping| mapping.targets.clone()).collect(),
            topics: consumers().map(|consumer| consumer.topic.clone()).collect(),
            expected: consumers().filter_map(expected).collect(),
            schemas: Vec::new(),
        }
    }

    /// Returns the subject that it expects on a topic.
    pub(super) fn expected_subject(&self, topic: &str) -> Option<String> {
        let mut expected = self.expected.iter();
        expected
            .find(|(of, _)| of.as_str() == topic)
            .map(|(_, subject)| subject.clone())
    }
}
