//! Hooks for metrics and traces.

use std::time::Duration;

/// Notified of what happens at a listener. The default of every method does nothing. Called on I/O threads: must not block.
pub trait Observer: Send + Sync + 'static {
    /// A connection was accepted.
    fn connection_opened(&self) {}

    /// A connection ended.
    fn connection_closed(&self) {}

    /// A request was answered. `endpoint` is the configured path, or [`UNKNOWN_ENDPOINT`] if there is none, so that the labels
    /// are a closed set. `status` is [`STATUS_CLIENT_GONE`] if the caller disconnected before its answer. `body_bytes` is the
    /// size of the body as sent, 0 if it was refused unread.
    fn request_finished(&self, endpoint: &str, status: u16, elapsed: Duration, body_bytes: usize) {
        let _ = (endpoint, status, elapsed, body_bytes);
    }

    /// The id of an event was reused with another body at this endpoint.
    fn id_reused(&self, endpoint: &str) {
        let _ = endpoint;
    }

    /// A request reached an endpoint. `traceparent` is the caller's, if it is valid. Returns `None` to open no span; the event
    /// then carries the caller's trace context.
    fn begin(&self, endpoint: &str, traceparent: Option<&str>) -> Option<Box<dyn RequestSpan>> {
        let _ = (endpoint, traceparent);
        None
    }
}

/// The trace span of one request.
pub trait RequestSpan: Send + Sync {
    /// W3C `traceparent` of this span, for its children.
    fn traceparent(&self) -> Option<String>;

    /// The request was answered, or its caller disconnected ([`STATUS_CLIENT_GONE`]).
    fn finish(self: Box<Self>, status: u16);
}

/// Label of requests to unknown paths.
pub const UNKNOWN_ENDPOINT: &str = "unknown";

/// Status of a request whose caller disconnected before its answer, as proxies log it.
pub const STATUS_CLIENT_GONE: u16 = 499;

/// Ignores everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl Observer for NoObserver {}

/// Whether a text is a W3C Trace Context `traceparent`: version, 16-byte trace id, 8-byte span id, flags, in lower-case
/// hex, ids not all zero. Versions after 00 may carry more behind a dash.
pub(crate) fn is_traceparent(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some(head), tail) = (bytes.get(..55), bytes.get(55..).unwrap_or_default()) else {
        return false;
    };
    let lower_hex = |part: &[u8]| part.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let zero = |part: &[u8]| part.iter().all(|b| *b == b'0');
    let (version, trace, span, flags) = (&head[..2], &head[3..35], &head[36..52], &head[53..]);
    let dashes = [2, 35, 52].iter().all(|at| head[*at] == b'-');
    let parts = [version, trace, span, flags].into_iter().all(lower_hex);
    let tail_fits = tail.is_empty() || (version != b"00" && tail[0] == b'-');
    dashes && parts && tail_fits && version != b"ff" && !zero(trace) && !zero(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traceparents_are_checked() {
        let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(is_traceparent(valid));
        assert!(is_traceparent(&format!("cc{}-what-comes-later", &valid[2..])));
        for wrong in [
            "",
            "00",
            &valid[..54],
            &format!("{valid}-more"),
            &valid.to_uppercase(),
            &format!("ff{}", &valid[2..]),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
        ] {
            assert!(!is_traceparent(wrong), "{wrong}");
        }
    }
}
