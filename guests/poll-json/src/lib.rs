//! Polls an HTTP API that answers with JSON: each item of an answer becomes an event, once.
//!
//! The host calls it again and again; the interval, the topic and the grants are the pipeline file's. Where it was, it keeps as `state`,
//! which is durable when the items that it fetched until there are. So nothing is lost, and what a crash lets it fetch twice has
//! the same ids.
//!
//! Keys of `config`; others are refused:
//!
//! * `url`: what to poll. Its host must be in `grants.http.hosts`.
//! * `headers`: a table of headers to send. A value `secret:NAME` is the credential of that name in `grants.http.credentials`.
//! * `items_pointer` (default: the whole answer): a JSON pointer (RFC 6901) to the array of items, such as `/data`.
//! * `id_pointer`: within an item, to its id, a string or a number. An item whose id was in the answer before is not an event again. Without
//!   it, and where it points at neither, items of the same text are the same event, so that an item that changes is a new one.
//! * `key_pointer`: within an item, to its routing key.
//! * One of three, for APIs with more than one page. An answer without it is the last page, which is asked for again after the interval.
//!   * `cursor_pointer`: within the answer, to the cursor of the next page.
//!   * `item_cursor_pointer`: within an item, to the value that the next request goes on from, such as `/updated_at`; the last item's is taken.
//!   * `next_pointer`: within the answer, to the URL of the next page.
//! * `cursor_param` (default `cursor`): the query parameter that sends the cursor.
//! * `start`: the cursor of the first request, if there is one.

mod seen;
mod settings;

use std::{borrow::Cow, time::Duration};

use danube_connector::{
    Column, Config, Error, Event, PageBuilder, Pointer, PolledEvent, PollingSource, ProducerConfig, Records, Result,
    Room, Scalar, SourceConnector, SourceRecord, export_polling_source,
    http::{Request, Response},
    state,
};
use seen::{ITEMS_MAX, Seen};
use serde_json::value::RawValue;
use settings::{Paging, PollConfig, Settings};

/// Keys of what it remembers: where it was, and what the answer there had.
const CURSOR: &str = "cursor";
const SEEN: &str = "seen";

/// The connector.
#[derive(Debug)]
pub struct PollJson {
    config: PollConfig,
    paging: Paging,
    topic: String,
    producer_configs: Vec<ProducerConfig>,
}

impl SourceConnector for PollJson {
    fn initialize(config: Config) -> Result<Self> {
        let settings: Settings = config.settings()?;
        let producer_configs = settings.producer_configs()?;
        let endpoint = settings.endpoints.into_iter().next();
        let endpoint = endpoint.ok_or_else(|| Error::configuration("`[sources.poll]` has no topic"))?;
        Ok(Self {
            paging: settings.config.paging()?,
            config: settings.config,
            topic: endpoint.danube_topic,
            producer_configs,
        })
    }

    fn producer_configs(&self) -> Result<Vec<ProducerConfig>> {
        Ok(self.producer_configs.clone())
    }

    fn wants(&self) -> Vec<Column> {
        vec![Column::Keys]
    }

    fn event<'a>(&'a mut self, event: Event<'a>) -> Result<Records<'a>> {
        let record = SourceRecord::forward(&*self.topic, event);
        Ok(match event.key() {
            Some(key) => record.with_key(key).into(),
            None => record.into(),
        })
    }
}

impl PollingSource for PollJson {
    fn fetch(&mut self, room: Room, page: &mut PageBuilder) -> Result<()> {
        let cursor = state::get_text(CURSOR);
        let url = self.config.url(&self.paging, cursor.as_deref());
        let answer = self.ask(&url)?;
        let items = self.items(&url, &answer)?;
        let before = Seen::from_bytes(&state::get(SEEN).unwrap_or_default());
        let (seen, is_whole) = self.push(&items, &before, room, page)?;
        state::set(SEEN, seen.to_bytes())?;
        if !is_whole {
            // What did not fit comes at the next call, at the same place.
            page.again_after(Duration::ZERO);
        } else if let Some(next) = self.next(&answer, &items)?
            && cursor.as_deref() != Some(&*next)
        {
            state::set(CURSOR, next.as_bytes())?;
            if !items.is_empty() {
                page.again_after(Duration::ZERO);
            }
        }
        Ok(())
    }
}

impl PollJson {
    fn ask(&self, url: &str) -> Result<Vec<u8>> {
        let mut request = Request::get(url).header("accept", "application/json");
        for (name, value) in &self.config.headers {
            request = request.header(name, value);
        }
        let response = request.send()?;
        match response.status {
            200..=299 => Ok(response.body),
            status => Err(refused(url, status, &response)),
        }
    }

    fn items<'a>(&self, url: &str, answer: &'a [u8]) -> Result<Vec<&'a RawValue>> {
        let whole =
            || str::from_utf8(answer).map_err(|_| Error::retryable(format!("the answer of {url} is not UTF-8")));
        let text = match &self.config.items_pointer {
            None => Some(whole()?),
            Some(pointer) => pointer
                .find_text(answer)
                .map_err(|error| not_as_expected(url, &error))?,
        };
        let at = self.config.items_pointer.as_ref().map_or("", Pointer::as_str);
        let text = text.ok_or_else(|| Error::retryable(format!("the answer of {url} has nothing at `{at}`")))?;
        let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| {
            Error::retryable(format!("the answer of {url} has no array of items at `{at}`: {error}"))
        })?;
        if items.len() > ITEMS_MAX {
            return Err(Error::configuration(format!(
                "the answer of {url} has {} items: ask for pages of at most {ITEMS_MAX}",
                items.len()
            )));
        }
        Ok(items)
    }

    /// Takes the items that are new, as far as there is room. Returns those of this answer that have been fetched by now, and whether
    /// that is all of them.
    fn push(&self, items: &[&RawValue], before: &Seen, room: Room, page: &mut PageBuilder) -> Result<(Seen, bool)> {
        let mut seen = Seen::default();
        let mut is_whole = true;
        for item in items.iter().map(|item| item.get()) {
            let id = found(self.config.id_pointer.as_ref(), item)?;
            let name = id.as_deref().unwrap_or(item);
            if before.has(name) || seen.has(name) {
                seen.add(name);
                continue;
            }
            let is_full = page.len() >= room.events || page.bytes() + item.len() > room.bytes && !page.is_empty();
            if is_full {
                is_whole = false;
                continue;
            }
            seen.add(name);
            let mut event = PolledEvent::new(item.as_bytes());
            if let Some(id) = &id {
                event = event.with_id(&**id);
            }
            if let Some(key) = found(self.config.key_pointer.as_ref(), item)? {
                event = event.with_key(key.as_bytes().to_vec());
            }
            page.push(event);
        }
        Ok((seen, is_whole))
    }

    /// The cursor behind this answer, if it has one.
    fn next<'a>(&self, answer: &'a [u8], items: &[&'a RawValue]) -> Result<Option<Cow<'a, str>>> {
        match &self.paging {
            Paging::Whole => Ok(None),
            Paging::Cursor(pointer) | Paging::Next(pointer) => Ok(text(pointer.find(answer)?)),
            Paging::ItemCursor(pointer) => match items.last() {
                Some(item) => found(Some(pointer), item.get()),
                None => Ok(None),
            },
        }
    }
}

/// The string or number that is there; an empty string is none.
fn found<'a>(pointer: Option<&Pointer>, json: &'a str) -> Result<Option<Cow<'a, str>>> {
    match pointer {
        Some(pointer) => Ok(text(pointer.find(json.as_bytes())?)),
        None => Ok(None),
    }
}

fn text(found: Option<Scalar<'_>>) -> Option<Cow<'_, str>> {
    match found? {
        Scalar::String(text) => Some(text).filter(|text| !text.is_empty()),
        Scalar::Number(digits) => Some(digits.into()),
        Scalar::Other(_) => None,
    }
}

fn not_as_expected(url: &str, error: &Error) -> Error {
    Error::retryable(format!("the answer of {url} is not JSON: {error}"))
}

/// What a status that is no success means: some pass, others need somebody.
fn refused(url: &str, status: u16, response: &Response) -> Error {
    let hint = match status {
        401 | 403 => ": check `headers` and the credential that they name",
        404 | 410 => ": check `url`",
        _ => "",
    };
    let message = format!("{url} answered {status}{hint}");
    let seconds = response.header("retry-after").and_then(|text| text.parse().ok());
    Error::Retryable {
        message,
        code: u32::from(status),
        retry_after: seconds.map(Duration::from_secs),
    }
}

export_polling_source!(PollJson);
