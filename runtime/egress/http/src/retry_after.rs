//! The header `Retry-After`.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, header::RETRY_AFTER};

use crate::limits::RETRY_AFTER_MAX;

/// How long an answer asks to wait: seconds, or until a date (RFC 9110, section 10.2.3).
pub(crate) fn of(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_understood_and_bounded() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let of = |text: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().expect("a value"))]);
            super::of(&headers, now)
        };
        let date = |secs| httpdate::fmt_http_date(now + Duration::from_secs(secs));
        assert_eq!(of("120"), Some(Duration::from_secs(120)));
        assert_eq!(of("99999999"), Some(RETRY_AFTER_MAX));
        assert_eq!(of(&date(90)), Some(Duration::from_secs(90)));
        assert_eq!(of(&date(90_000)), Some(RETRY_AFTER_MAX));
        assert_eq!(of("Thu, 01 Jan 2015 00:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!((of("soon"), of("-3")), (None, None));
    }
}
