//! What it is told.

use std::collections::BTreeMap;

use danube_connector::{Error, Pointer, Result, SourceSettings};
use serde::Deserialize;

/// All of it.
pub(crate) type Settings = SourceSettings<PollConfig>;

/// The table `config`. The module's page says what its keys do.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PollConfig {
    url: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) items_pointer: Option<Pointer>,
    pub(crate) id_pointer: Option<Pointer>,
    pub(crate) key_pointer: Option<Pointer>,
    cursor_pointer: Option<Pointer>,
    item_cursor_pointer: Option<Pointer>,
    next_pointer: Option<Pointer>,
    cursor_param: Option<String>,
    start: Option<String>,
}

/// How an API says where to go on.
#[derive(Debug, Clone)]
pub(crate) enum Paging {
    /// It does not: each answer has all there is.
    Whole,
    /// By a cursor in its answer.
    Cursor(Pointer),
    /// By a value of the last item.
    ItemCursor(Pointer),
    /// By the URL of the next page.
    Next(Pointer),
}

impl PollConfig {
    /// Refuses keys that contradict each other.
    pub(crate) fn paging(&self) -> Result<Paging> {
        if !self.url.starts_with("https://") && !self.url.starts_with("http://") {
            return Err(Error::configuration(format!(
                "`config.url` is `{}`: give the URL to poll, such as `https://api.example.com/orders`",
                self.url
            )));
        }
        let paging = match (&self.cursor_pointer, &self.item_cursor_pointer, &self.next_pointer) {
            (None, None, None) => Paging::Whole,
            (Some(pointer), None, None) => Paging::Cursor(pointer.clone()),
            (None, Some(pointer), None) => Paging::ItemCursor(pointer.clone()),
            (None, None, Some(pointer)) => Paging::Next(pointer.clone()),
            _ => {
                return Err(Error::configuration(
                    "`cursor_pointer`, `item_cursor_pointer` and `next_pointer` are three ways to page: give one of them",
                ));
            }
        };
        let by_param = matches!(paging, Paging::Cursor(_) | Paging::ItemCursor(_));
        if !by_param && (self.cursor_param.is_some() || self.start.is_some()) {
            return Err(Error::configuration(
                "`cursor_param` and `start` go with `cursor_pointer` or `item_cursor_pointer`, which the table does not have",
            ));
        }
        Ok(paging)
    }

    /// The URL of what comes behind a cursor.
    pub(crate) fn url(&self, paging: &Paging, cursor: Option<&str>) -> String {
        match (paging, cursor.or(self.start.as_deref())) {
            (Paging::Next(_), Some(next)) => next.to_owned(),
            (Paging::Whole, _) | (_, None) => self.url.clone(),
            (_, Some(cursor)) => {
                let url = self.url.split_once('#').map_or(&*self.url, |(url, _)| url);
                let separator = if url.contains('?') { '&' } else { '?' };
                let param = self.cursor_param.as_deref().unwrap_or("cursor");
                format!("{url}{separator}{param}={}", encoded(cursor))
            }
        }
    }
}

/// A value of a query, percent-encoded.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
