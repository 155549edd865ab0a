//! Which of several topics the record of an event goes to.

use std::{borrow::Cow, collections::BTreeMap};

use danube_connector::{Column, Error, Event, Pointer, Result, Scalar};
use serde::Deserialize;

/// The key `route` of an endpoint.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Route {
    #[serde(flatten)]
    by: By,
    pub(crate) topics: BTreeMap<String, String>,
}

/// Where an event says what it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
enum By {
    Header(String),
    Pointer(Pointer),
}

/// Stands for every value without a topic of its own.
const OTHERS: &str = "*";

impl Route {
    /// Columns that it reads.
    pub(crate) fn wants(&self) -> Option<Column> {
        matches!(self.by, By::Header(_)).then_some(Column::Headers)
    }

    /// The topic of an event. [`Error::InvalidData`] if its value has none.
    pub(crate) fn topic(&self, event: Event<'_>) -> Result<&str> {
        let value = self.value(event);
        let own = value.as_ref().and_then(|value| self.topics.get(&**value));
        let topic = own.or_else(|| self.topics.get(OTHERS));
        topic.map(String::as_str).ok_or_else(|| self.no_topic(value.as_deref()))
    }

    fn value<'a>(&self, event: Event<'a>) -> Option<Cow<'a, str>> {
        let pointer = match &self.by {
            By::Header(name) => return event.header(name).map(Cow::Borrowed),
            By::Pointer(pointer) => pointer,
        };
        match pointer.find(event.payload()).ok()?? {
            Scalar::String(text) => Some(text),
            Scalar::Number(digits) => Some(digits.into()),
            Scalar::Other("a boolean") => pointer.find_text(event.payload()).ok()?.map(Cow::Borrowed),
            Scalar::Other(_) => None,
        }
    }

    fn no_topic(&self, value: Option<&str>) -> Error {
        let place = match &self.by {
            By::Header(name) => format!("header {name}"),
            By::Pointer(pointer) => format!("{pointer} of the body"),
        };
        let what = match value {
            Some(value) => format!(
                "{place} is `{}`, for which this endpoint has no topic",
                shortened(value)
            ),
            None => format!("{place} says which topic it is for, and has nothing"),
        };
        Error::invalid_data(what)
    }
}

/// For a message.
fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}
