//! Parts of the request that a record is given.

use danube_connector::{Column, Error, Event, Pointer, Result, SourceRecord};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The key `include` of an endpoint: names, and where they go.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Include {
    headers: Vec<String>,
    query: Vec<String>,
    path: Vec<String>,
    into: Option<Pointer>,
}

impl Include {
    /// Columns that it reads.
    pub(crate) fn wants(&self) -> impl Iterator<Item = Column> + use<> {
        let headers = (!self.headers.is_empty()).then_some(Column::Headers);
        let attributes = (!self.query.is_empty() || !self.path.is_empty()).then_some(Column::Attributes);
        headers.into_iter().chain(attributes)
    }

    /// The record of an event on this topic, with what is included.
    pub(crate) fn record<'a>(&self, topic: &'a str, event: Event<'a>) -> Result<SourceRecord<'a>> {
        let Some(into) = &self.into else {
            let record = SourceRecord::forward(topic, event);
            let parts = self.parts(event);
            return Ok(record.with_attributes(parts.map(|(of, name, value)| (format!("webhook.{of}.{name}"), value))));
        };
        let object = serde_json::to_string(&self.object(event))?;
        let with = into.put(event.payload(), &object).map_err(|error| match error {
            Error::InvalidData { .. } => Error::invalid_data(format!("`include`: {error}")),
            other => other,
        })?;
        Ok(SourceRecord::from_bytes(topic, with.into_bytes()))
    }

    /// What the request has of it: the kind of part, its name, its value.
    fn parts<'a>(&self, event: Event<'a>) -> impl Iterator<Item = (&'static str, &str, &'a str)> {
        let headers = self
            .headers
            .iter()
            .map(move |name| ("header", name, event.header(name)));
        let asked = move |of, name: &String| event.attribute(&format!("{of}.{name}"));
        let query = self.query.iter().map(move |name| ("query", name, asked("query", name)));
        let path = self.path.iter().map(move |name| ("path", name, asked("path", name)));
        let all = headers.chain(query).chain(path);
        all.filter_map(|(of, name, value)| Some((of, name.as_str(), value?)))
    }

    fn object(&self, event: Event<'_>) -> Value {
        let mut groups = Map::new();
        for (of, name, value) in self.parts(event) {
            let group = if of == "header" { "headers" } else { of };
            groups.entry(group).or_insert_with(|| Map::new().into())[name] = value.into();
        }
        groups.into()
    }
}
