//! Which bodies an endpoint takes, and how one of them is read: by its media type.

use std::fmt;

use http::{
    HeaderMap, HeaderValue,
    header::{CONTENT_TYPE, HeaderName},
};

use crate::cloudevents::Mode;

/// A kind of body that an endpoint takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ContentKind {
    /// A JSON document: `application/json` or what ends with `+json`, and the body must parse.
    #[default]
    Json,
    /// The same, but an array is a list of events.
    JsonList,
    /// JSON documents, one a line.
    Ndjson,
    /// An HTML form, which becomes a JSON object.
    Form,
    /// CloudEvents 1.0, in any of HTTP's three modes. All become the same: a JSON object as of the structured mode.
    CloudEvents,
    /// Text, CSV and XML, in UTF-8. It stays as it is.
    Text,
    /// Anything, as bytes.
    Any,
}

/// The kinds of bodies that an endpoint takes: at least one. The first is that of a body without a media type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentKinds(Vec<ContentKind>);

/// How a body is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyFormat {
    Json,
    /// A JSON document, whatever its sender calls it.
    NamedOtherwise,
    JsonList,
    Ndjson,
    Form,
    CloudEvents(Mode),
    Text,
    /// Whether the sender says that it is JSON.
    Bytes {
        is_json: bool,
    },
}

impl BodyFormat {
    /// Whether a body becomes one event that is no shorter than it.
    pub(crate) fn is_the_event(self) -> bool {
        match self {
            Self::Json | Self::NamedOtherwise | Self::Text | Self::Bytes { .. } => true,
            Self::CloudEvents(mode) => mode == Mode::Structured,
            // Percent-encoding is longer than what it stands for.
            Self::JsonList | Self::Ndjson | Self::Form => false,
        }
    }
}

static CLOUDEVENTS_VERSION: HeaderName = HeaderName::from_static("ce-specversion");

impl ContentKinds {
    /// These, in this order; [`ContentKind::Json`] if there is none.
    pub fn new(kinds: impl IntoIterator<Item = ContentKind>) -> Self {
        let kinds: Vec<_> = kinds.into_iter().collect();
        match kinds.is_empty() {
            true => Self::default(),
            false => Self(kinds),
        }
    }

    /// Whether it is one of them.
    pub fn contains(&self, kind: ContentKind) -> bool {
        self.0.contains(&kind)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = ContentKind> + '_ {
        self.0.iter().copied()
    }

    /// Whether every event has a JSON payload.
    pub fn are_json(&self) -> bool {
        !self.contains(ContentKind::Any) && !self.contains(ContentKind::Text)
    }

    /// Whether a body may hold several events.
    pub fn may_be_lists(&self) -> bool {
        let lists = [ContentKind::JsonList, ContentKind::Ndjson, ContentKind::CloudEvents];
        lists.into_iter().any(|kind| self.contains(kind))
    }

    /// How the body after these headers is read; `None` if it is not taken.
    pub(crate) fn format(&self, headers: &HeaderMap) -> Option<BodyFormat> {
        if self.contains(ContentKind::CloudEvents) && headers.contains_key(&CLOUDEVENTS_VERSION) {
            return Some(BodyFormat::CloudEvents(Mode::Binary));
        }
        let Some(media_type) = essence(headers.get(CONTENT_TYPE)) else {
            return self.0[0].format_without_type();
        };
        let format = of_media_type(&media_type, self.contains(ContentKind::JsonList));
        let format = format.filter(|format| self.takes(*format));
        format.or_else(|| self.as_document(&media_type)).or_else(|| {
            let is_json = is_json(&media_type);
            self.contains(ContentKind::Any).then_some(BodyFormat::Bytes { is_json })
        })
    }

    /// An envelope of CloudEvents is a JSON document where it is nothing else.
    fn as_document(&self, media_type: &[u8]) -> Option<BodyFormat> {
        (is_json(media_type) && self.contains(ContentKind::Json)).then_some(BodyFormat::Json)
    }

    fn takes(&self, format: BodyFormat) -> bool {
        self.contains(match format {
            BodyFormat::Json | BodyFormat::NamedOtherwise => ContentKind::Json,
            BodyFormat::JsonList => ContentKind::JsonList,
            BodyFormat::Ndjson => ContentKind::Ndjson,
            BodyFormat::Form => ContentKind::Form,
            BodyFormat::CloudEvents(_) => ContentKind::CloudEvents,
            BodyFormat::Text => ContentKind::Text,
            BodyFormat::Bytes { .. } => ContentKind::Any,
        })
    }
}

impl ContentKind {
    fn format_without_type(self) -> Option<BodyFormat> {
        Some(match self {
            Self::Json => BodyFormat::Json,
            Self::JsonList => BodyFormat::JsonList,
            Self::Ndjson => BodyFormat::Ndjson,
            Self::Form => BodyFormat::Form,
            // Its version would be a header, or its mode a media type.
            Self::CloudEvents => return None,
            Self::Text => BodyFormat::Text,
            Self::Any => BodyFormat::Bytes { is_json: false },
        })
    }

    /// For senders of what is not taken.
    fn name(self) -> &'static str {
        match self {
            Self::Json | Self::JsonList => "JSON (`application/json`)",
            Self::Ndjson => "JSON lines (`application/x-ndjson`)",
            Self::Form => "forms (`application/x-www-form-urlencoded`)",
            Self::CloudEvents => "CloudEvents 1.0 (`application/cloudevents+json`, or headers `ce-…`)",
            Self::Text => "text in UTF-8 (`text/plain`, `text/csv`, `application/xml`)",
            Self::Any => "anything",
        }
    }
}

impl Default for ContentKinds {
    fn default() -> Self {
        Self(vec![ContentKind::Json])
    }
}

impl From<ContentKind> for ContentKinds {
    fn from(kind: ContentKind) -> Self {
        Self(vec![kind])
    }
}

/// What is taken, in words.
impl fmt::Display for ContentKinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, kind) in self.iter().enumerate() {
            let joint = match place {
                0 => "",
                _ if place + 1 == self.0.len() => " or ",
                _ => ", ",
            };
            write!(f, "{joint}{}", kind.name())?;
        }
        Ok(())
    }
}

/// What a media type is read as, where it is taken.
fn of_media_type(media_type: &[u8], may_be_list: bool) -> Option<BodyFormat> {
    Some(match media_type {
        b"application/cloudevents+json" => BodyFormat::CloudEvents(Mode::Structured),
        b"application/cloudevents-batch+json" => BodyFormat::CloudEvents(Mode::Batched),
        b"application/x-www-form-urlencoded" => BodyFormat::Form,
        b"application/x-ndjson"
        | b"application/ndjson"
        | b"application/jsonl"
        | b"application/x-jsonlines"
        | b"application/jsonlines" => BodyFormat::Ndjson,
        b"application/xml" => BodyFormat::Text,
        other if is_json(other) && may_be_list => BodyFormat::JsonList,
        other if is_json(other) => BodyFormat::Json,
        other if other.starts_with(b"text/") || other.ends_with(b"+xml") => BodyFormat::Text,
        _ => return None,
    })
}

/// A media type without its parameters, in lower case; `None` if there is none.
pub(crate) fn essence(value: Option<&HeaderValue>) -> Option<Vec<u8>> {
    let essence = value?.as_bytes().split(|byte| *byte == b';').next()?.trim_ascii();
    (!essence.is_empty()).then(|| essence.to_ascii_lowercase())
}

pub(crate) fn is_json(essence: &[u8]) -> bool {
    essence == b"application/json" || (essence.len() > 5 && essence.ends_with(b"+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(kinds: &[ContentKind], media_type: &'static str) -> Option<BodyFormat> {
        let mut headers = HeaderMap::new();
        if !media_type.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        }
        ContentKinds::new(kinds.iter().copied()).format(&headers)
    }

    #[test]
    fn the_media_type_decides_among_what_is_taken() {
        use ContentKind as Kind;
        for (kinds, media_type, wanted) in [
            (&[Kind::Json][..], "", Some(BodyFormat::Json)),
            (&[Kind::Json], "Application/JSON; charset=utf-8", Some(BodyFormat::Json)),
            (&[Kind::Json], "application/vnd.api+json", Some(BodyFormat::Json)),
            (&[Kind::Json], "application/cloudevents+json", Some(BodyFormat::Json)),
            (&[Kind::Json], "application/x-www-form-urlencoded", None),
            (&[Kind::Json], "text/plain", None),
            (
                &[Kind::Json, Kind::Form],
                "application/x-www-form-urlencoded",
                Some(BodyFormat::Form),
            ),
            (&[Kind::Form, Kind::Json], "", Some(BodyFormat::Form)),
            (&[Kind::JsonList], "application/json", Some(BodyFormat::JsonList)),
            (&[Kind::Ndjson], "application/x-ndjson", Some(BodyFormat::Ndjson)),
            (&[Kind::Ndjson], "application/json", None),
            (
                &[Kind::CloudEvents],
                "application/cloudevents+json",
                Some(BodyFormat::CloudEvents(Mode::Structured)),
            ),
            (
                &[Kind::CloudEvents],
                "application/cloudevents-batch+json",
                Some(BodyFormat::CloudEvents(Mode::Batched)),
            ),
            (&[Kind::CloudEvents], "application/cloudevents+avro", None),
            (&[Kind::CloudEvents], "", None),
            (&[Kind::Text], "text/csv", Some(BodyFormat::Text)),
            (&[Kind::Text], "application/soap+xml", Some(BodyFormat::Text)),
            (
                &[Kind::Any],
                "multipart/form-data; boundary=x",
                Some(BodyFormat::Bytes { is_json: false }),
            ),
            (
                &[Kind::Any],
                "application/json",
                Some(BodyFormat::Bytes { is_json: true }),
            ),
            (&[Kind::Json, Kind::Any], "application/json", Some(BodyFormat::Json)),
        ] {
            assert_eq!(format(kinds, media_type), wanted, "{kinds:?} {media_type}");
        }
    }

    #[test]
    fn what_is_taken_is_said() {
        let kinds = ContentKinds::new([ContentKind::Json, ContentKind::Form]);
        assert_eq!(
            kinds.to_string(),
            "JSON (`application/json`) or forms (`application/x-www-form-urlencoded`)"
        );
    }
}
