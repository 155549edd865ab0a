//! What an answer means.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode, header::RETRY_AFTER};

use super::Client;
use crate::{
    exception::{Class, Exception, Fault, class, cure},
    limits::RETRY_AFTER_MAX,
};

const CODE: &str = "x-clickhouse-exception-code";

impl Client {
    /// Whether the query is done, by status, headers and the beginning of the body.
    pub(super) fn classify(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<(), Fault> {
        let header = headers.get(CODE).and_then(|code| code.to_str().ok()?.parse().ok());
        let in_text = || Exception::code_in(&String::from_utf8_lossy(&body[..body.len().min(64)]));
        let code = header.or_else(|| in_text().filter(|_| !status.is_success()));
        if let Some(code) = code {
            return Err(self.exception(Exception {
                code,
                said: self.words.show(body),
            }));
        }
        if status.is_success() && is_clickhouse(headers) {
            return Ok(());
        }
        Err(self.foreign(status, headers, body))
    }

    fn exception(&self, exception: Exception) -> Fault {
        let (who, said) = (&self.who, &exception.said);
        let message = match said.starts_with("Code:") {
            true => format!("{who} says: {said}"),
            false => format!("{who} says: Code: {}. {said}", exception.code),
        };
        match class(&exception) {
            Class::Passes => Fault::transient(message),
            Class::Table => Fault::Unfit(format!("{message}; {}. Its rows wait", cure(exception.code))),
            Class::Layout => Fault::Layout(format!("{message}; {}. Its rows wait", cure(exception.code))),
            Class::Record => Fault::Record {
                row: exception.row(),
                message,
            },
            Class::Partitions => Fault::Partitions(message),
        }
    }

    /// An answer of somebody else's: a balancer, a proxy, another server.
    fn foreign(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Fault {
        let (who, said) = (&self.who, self.words.show(body));
        let message = format!("{who} answers {status}: \"{said}\"");
        let waits = |cure: &str| Fault::Unfit(format!("{message}; {cure}. Its rows wait"));
        match status.as_u16() {
            200..=299 => waits("the answer is not ClickHouse's: write the address of its HTTP interface in `url`"),
            300..=399 => waits("redirects are not followed: write in `url` where it leads to"),
            400 => waits("a web server in front of it wants another connection: check scheme, port and `tls`"),
            401 | 403 | 407 => waits("check `username`, `password` and `token`"),
            404 => waits("write the address of its HTTP interface in `url`"),
            413 => Fault::TooLarge(message),
            408 | 425 | 429 | 500..=599 => Fault::Transient {
                message,
                retry_after: retry_after(headers, SystemTime::now()),
            },
            _ => waits("check `url`"),
        }
    }
}

/// Whether it is ClickHouse that answers. Anything else that says 200 would have taken rows that nobody stores.
fn is_clickhouse(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| name.as_str().starts_with("x-clickhouse-"))
}

/// How long an answer asks to wait: seconds, or until a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(text)
            .ok()?
            .duration_since(now)
            .unwrap_or_default(),
    };
    Some(wait.min(RETRY_AFTER_MAX))
}
