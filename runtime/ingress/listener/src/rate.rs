//! The rate limit of an endpoint.

use std::{num::NonZeroU32, time::Duration};

use governor::{
    DefaultDirectRateLimiter, Quota,
    clock::{Clock, DefaultClock},
};

/// A steady rate and a burst size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    requests_per_sec: NonZeroU32,
    burst: NonZeroU32,
}

/// Why a rate limit is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// The rate is 0.
    #[error("a rate of 0 requests a second lets nothing pass: give at least 1, or leave the rate out")]
    Zero,
    /// The burst size is 0.
    #[error("a burst of 0 requests lets nothing pass: give at least 1, or leave the burst out")]
    ZeroBurst,
}

impl RateLimit {
    /// `burst` is the number of requests that may come at once; by default as many as in a second.
    pub fn try_new(requests_per_sec: u32, burst: Option<u32>) -> Result<Self, RateError> {
        let requests_per_sec = NonZeroU32::new(requests_per_sec).ok_or(RateError::Zero)?;
        let burst = burst.map_or(Some(requests_per_sec), NonZeroU32::new);
        Ok(Self {
            requests_per_sec,
            burst: burst.ok_or(RateError::ZeroBurst)?,
        })
    }
}

/// Enforces a [`RateLimit`].
pub struct Meter(Option<DefaultDirectRateLimiter>);

impl Meter {
    /// Enforces nothing without a limit.
    pub fn new(limit: Option<RateLimit>) -> Self {
        Self(limit.map(|limit| {
            DefaultDirectRateLimiter::direct(Quota::per_second(limit.requests_per_sec).allow_burst(limit.burst))
        }))
    }

    /// Admits one request, or returns how long until the next is admitted.
    pub fn take(&self) -> Result<(), Duration> {
        match &self.0 {
            None => Ok(()),
            Some(limiter) => limiter
                .check()
                .map_err(|until| until.wait_time_from(DefaultClock::default().now())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_refused() {
        assert_eq!(RateLimit::try_new(0, None), Err(RateError::Zero));
        assert_eq!(RateLimit::try_new(1, Some(0)), Err(RateError::ZeroBurst));
    }

    #[test]
    fn a_burst_passes_and_the_next_waits() {
        let meter = Meter::new(Some(RateLimit::try_new(1, Some(3)).unwrap()));
        for _ in 0..3 {
            meter.take().expect("within the burst");
        }
        let wait = meter.take().expect_err("the burst is used up");
        assert!(wait <= Duration::from_secs(1));
    }
}
