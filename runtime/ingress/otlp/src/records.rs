//! From a request to its events.

use bytes::Bytes;
use danube_wasm_model::event::Event;

use crate::{
    decode::Format,
    event_id::EventIds,
    facts::{Facts, log_facts, metric_facts, span_facts},
    json::{Message, Object, write_text},
    limits::RECORD_BYTES_MAX,
    request::{Group, Records, Request, data_points, service},
    signal::Signal,
};

/// The events of a request, and how many items of it each stands for.
#[derive(Debug, Default)]
pub(crate) struct Events {
    pub(crate) events: Vec<Event>,
    /// Spans, data points or log records of each event.
    pub(crate) items: Vec<usize>,
    /// Bytes of all payloads.
    pub(crate) bytes: usize,
}

/// The records are more than [`RECORD_BYTES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooManyBytes;

/// What all events of a request have alike.
pub(crate) struct Template {
    pub(crate) signal: Signal,
    pub(crate) format: Format,
    /// Its endpoint, time of arrival and trace context.
    pub(crate) event: Event,
    pub(crate) wants_attributes: bool,
}

/// Bytes that the records have together because each has its resource and scope beside it.
pub(crate) fn shared_bytes(request: &Request) -> usize {
    let shared = |group: &Group<'_>| {
        let resource = group.resource.map_or(0, prost::Message::encoded_len);
        let scope = group.scope.map_or(0, prost::Message::encoded_len);
        (resource + scope).saturating_mul(group.records.len())
    };
    request.groups().iter().map(shared).fold(0, usize::saturating_add)
}

impl Template {
    /// The request as one event, as it was sent. There is none of a request without records.
    pub(crate) fn whole(&self, request: &Request, body: Bytes) -> Events {
        let groups = request.groups();
        let records: usize = groups.iter().map(|group| group.records.len()).sum();
        if records == 0 {
            return Events::default();
        }
        // The service, if all records are of one.
        let mut services = groups.iter().map(|group| service(group.resource));
        let first = services.next().flatten();
        let service = first.filter(|first| services.all(|other| other == Some(*first)));
        let mut attributes = vec![("otel.records", records.to_string())];
        attributes.extend(service.map(|service| ("otel.service", service.to_owned())));
        let facts = Facts {
            id: EventIds::new(&body).of_request(),
            key: service.map(str::to_owned),
            attributes,
        };
        let mut events = Events::default();
        let items = groups.iter().map(|group| group.records.items()).sum();
        events.push(self.event(facts, body, self.format.media_type()), items);
        events
    }

    /// One event for each record: its OTLP/JSON, with its resource and scope.
    pub(crate) fn split(&self, request: &Request, body: &[u8]) -> Result<Events, TooManyBytes> {
        let ids = EventIds::new(body);
        let mut events = Events::default();
        let mut resource = (usize::MAX, Vec::new());
        for group in request.groups() {
            if resource.0 != group.resource_index {
                resource = (group.resource_index, resource_text(&group));
            }
            let beside = [resource.1.as_slice(), &scope_text(&group)].concat();
            match group.records {
                Records::Spans(spans) => spans.iter().try_for_each(|span| {
                    let id = ids.of_span(span, events.events.len());
                    self.add(&mut events, span, 1, span_facts(span, &group, id), &beside)
                })?,
                Records::Metrics(metrics) => metrics.iter().try_for_each(|metric| {
                    let id = ids.of_record(events.events.len());
                    let facts = metric_facts(metric, &group, id);
                    self.add(&mut events, metric, data_points(metric), facts, &beside)
                })?,
                Records::Logs(logs) => logs.iter().try_for_each(|log| {
                    let id = ids.of_record(events.events.len());
                    self.add(&mut events, log, 1, log_facts(log, &group, id), &beside)
                })?,
            }
        }
        Ok(events)
    }

    fn add(
        &self,
        events: &mut Events,
        record: &impl Message,
        items: usize,
        facts: Facts,
        beside: &[u8],
    ) -> Result<(), TooManyBytes> {
        let mut payload = Vec::with_capacity(beside.len() + 512);
        let mut object = Object::begin(&mut payload);
        record.write(&mut object);
        object.members(beside);
        object.end();
        events.push(self.event(facts, payload.into(), Format::Json.media_type()), items);
        if events.bytes > RECORD_BYTES_MAX {
            return Err(TooManyBytes);
        }
        Ok(())
    }

    fn event(&self, facts: Facts, payload: Bytes, media_type: &str) -> Event {
        let mut attributes = Vec::new();
        if self.wants_attributes {
            attributes.push(("otel.signal".to_owned(), self.signal.name().to_owned()));
            let known = facts.attributes.into_iter().filter(|(_, value)| !value.is_empty());
            attributes.extend(known.map(|(name, value)| (name.to_owned(), value)));
        }
        Event {
            id: facts.id,
            key: facts.key.map(Bytes::from),
            payload,
            content_type: media_type.to_owned(),
            attributes,
            ..self.event.clone()
        }
    }
}

impl Events {
    fn push(&mut self, event: Event, items: usize) {
        self.bytes += event.payload.len();
        self.events.push(event);
        self.items.push(items);
    }
}

/// The members of a record that say what it is of.
fn resource_text(group: &Group<'_>) -> Vec<u8> {
    members(|object| {
        if let Some(resource) = group.resource {
            Object::write(object.value("resource"), resource);
        }
        write_text(object, "resourceSchemaUrl", group.resource_schema_url);
    })
}

/// The members of a record that say what recorded it.
fn scope_text(group: &Group<'_>) -> Vec<u8> {
    members(|object| {
        if let Some(scope) = group.scope {
            Object::write(object.value("scope"), scope);
        }
        write_text(object, "scopeSchemaUrl", group.scope_schema_url);
    })
}

/// Members of an object, each with a comma before it.
fn members(write: impl FnOnce(&mut Object<'_>)) -> Vec<u8> {
    let mut text = Vec::new();
    let mut object = Object::resume(&mut text);
    write(&mut object);
    text
}
