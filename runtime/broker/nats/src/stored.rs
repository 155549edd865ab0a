//! Stored messages, read by sequence: when they were published.

use async_nats::HeaderMap;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use danube_wasm_broker::Result;
use serde::Deserialize;
use serde_json::json;

use crate::{error::NO_MESSAGE, session::Session, topic::StreamState};

/// A stored message.
pub(crate) struct Stored {
    /// When it was stored, in milliseconds since 1970; of one that was copied from another log, when it or one before it was
    /// published.
    pub(crate) stored_ms: u64,
}

#[derive(Deserialize)]
struct Answer {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    time: String,
    /// Headers as they are on the wire, in base64.
    #[serde(default)]
    hdrs: String,
}

impl Message {
    fn ms(&self) -> u64 {
        let copied = crate::wire::newest_ms(&headers(&self.hdrs));
        copied.or_else(|| millis(&self.time)).unwrap_or(0)
    }
}

/// Headers of a stored message.
fn headers(encoded: &str) -> HeaderMap {
    let text = STANDARD.decode(encoded).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let mut headers = HeaderMap::new();
    for (name, value) in text.lines().skip(1).filter_map(|line| line.split_once(':')) {
        headers.append(name, value.trim());
    }
    headers
}

/// The message at a sequence; `None` if there is none.
pub(crate) async fn get(session: &Session, stream: &str, sequence: u64) -> Result<Option<Stored>> {
    let doing = format!("reading message {sequence} of {stream}");
    let (call, body) = (format!("STREAM.MSG.GET.{stream}"), json!({"seq": sequence}));
    match session.api_answer::<Answer>(&call, &body, &doing).await? {
        Ok(Answer { message }) => Ok(Some(Stored {
            stored_ms: message.ms(),
        })),
        Err(error) if error.err_code == NO_MESSAGE => Ok(None),
        Err(error) => Err(error.explain(&doing)),
    }
}

/// The sequence of the first message that was stored then or later; behind the last one if there is none. Times of a
/// stream grow with its sequences.
pub(crate) async fn first_at_or_after(session: &Session, stream: &str, state: &StreamState, ms: u64) -> Result<u64> {
    let (mut low, mut high) = (state.first_seq.max(1), state.last_seq + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let is_before = get(session, stream, middle)
            .await?
            .is_some_and(|stored| stored.stored_ms < ms);
        match is_before {
            true => low = middle + 1,
            false => high = middle,
        }
    }
    Ok(low)
}

/// Milliseconds since 1970 of `2026-11-30T02:22:46.123456789Z`.
pub(crate) fn millis(time: &str) -> Option<u64> {
    let (date, clock) = time.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut clock = clock.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let fraction: String = fraction.chars().chain("000".chars()).take(3).collect();
    // Days since 1970 of a date in the Gregorian calendar, with years that begin in March.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719_468;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    u64::try_from(seconds * 1_000 + fraction.parse::<i64>().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_api_are_read() {
        assert_eq!(millis("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(millis("2000-02-29T12:00:00.5Z"), Some(951_825_600_500));
        assert_eq!(millis("2026-11-30T02:22:46.123456789Z"), Some(1_796_005_366_123));
        assert_eq!(millis("yesterday"), None);
    }
}
