//! The state of a connection (idle, reading headers, busy) and since when, tracked without a timer for each request.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use tokio::time::{Duration, Instant};

use crate::{limits::HttpLimits, shared::Shared};

/// The state of a connection and when it last changed.
pub(crate) struct Activity {
    opened: Instant,
    /// Requests being handled.
    busy: AtomicU32,
    /// Whether part of a request's headers has arrived.
    in_headers: AtomicBool,
    /// When the connection became idle or a request's headers began, in milliseconds since `opened`.
    since_ms: AtomicU64,
    /// Whether the last request was answered before the end of its body.
    body_unread: AtomicBool,
}

/// What a connection has waited for too long.
pub(crate) enum Overdue {
    /// The rest of a request's headers.
    Headers,
    /// The next request.
    Request,
}

/// A request being handled; ends when dropped.
pub(crate) struct ActiveRequest<'a> {
    activity: &'a Activity,
    shared: &'a Shared,
}

impl Activity {
    pub(crate) fn new() -> Self {
        Self {
            opened: Instant::now(),
            busy: AtomicU32::new(0),
            in_headers: AtomicBool::new(true),
            since_ms: AtomicU64::new(0),
            body_unread: AtomicBool::new(false),
        }
    }

    /// Starts a request, once its headers are complete.
    pub(crate) fn begin<'a>(&'a self, shared: &'a Shared) -> ActiveRequest<'a> {
        self.busy.fetch_add(1, Ordering::Relaxed);
        self.in_headers.store(false, Ordering::Relaxed);
        shared.in_flight.fetch_add(1, Ordering::Relaxed);
        ActiveRequest { activity: self, shared }
    }

    pub(crate) fn set_body_unread(&self, unread: bool) {
        self.body_unread.store(unread, Ordering::Relaxed);
    }

    pub(crate) fn is_body_unread(&self) -> bool {
        self.body_unread.load(Ordering::Relaxed)
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) > 0
    }

    /// Records that bytes arrived.
    pub(crate) fn read(&self) {
        if !self.is_busy() && !self.in_headers.swap(true, Ordering::Relaxed) {
            self.since_ms.store(self.now_ms(), Ordering::Relaxed);
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Returns what has taken too long by now, if anything has.
    pub(crate) fn overdue(&self, limits: &HttpLimits) -> Option<Overdue> {
        let waited_ms = self.now_ms().saturating_sub(self.since_ms.load(Ordering::Relaxed));
        match (self.is_busy(), self.in_headers.load(Ordering::Relaxed)) {
            (true, _) => None,
            (false, true) => (waited_ms >= limits.header_read_ms_max).then_some(Overdue::Headers),
            (false, false) => (waited_ms >= limits.idle_ms_max).then_some(Overdue::Request),
        }
    }

    /// Returns when to check again: not before anything can be overdue, nor so late that a wait that begins right after a check
    /// could last twice its limit.
    pub(crate) fn next_check(&self, limits: &HttpLimits) -> Instant {
        let since = self.opened + Duration::from_millis(self.since_ms.load(Ordering::Relaxed));
        let soon = Instant::now() + Duration::from_millis(limits.header_read_ms_max.min(limits.idle_ms_max));
        let limit_ms = match (self.is_busy(), self.in_headers.load(Ordering::Relaxed)) {
            (true, _) => return soon,
            (false, true) => limits.header_read_ms_max,
            (false, false) => limits.idle_ms_max,
        };
        soon.min(since + Duration::from_millis(limit_ms))
    }
}

impl Drop for ActiveRequest<'_> {
    fn drop(&mut self) {
        self.activity.since_ms.store(self.activity.now_ms(), Ordering::Relaxed);
        self.activity.busy.fetch_sub(1, Ordering::Relaxed);
        self.shared.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
