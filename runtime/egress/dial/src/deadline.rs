//! The time that a dial has, over all its phases.

use std::{fmt, future::Future, time::Duration};

use tokio::time::{Instant, timeout_at};

use crate::DialError;

/// What a dial was doing when its time was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for DNS.
    Resolving,
    /// Waiting for one of the addresses to accept.
    Connecting,
    /// Waiting for the TLS handshake.
    Securing,
}

/// When a dial must be through.
pub(crate) struct Deadline {
    after: Duration,
    at: Option<Instant>,
}

impl Deadline {
    /// From now. A time too long for the clock is no deadline.
    pub(crate) fn after(after: Duration) -> Self {
        let at = Instant::now().checked_add(after);
        Self { after, at }
    }

    /// `work`, if it is done in time.
    pub(crate) async fn run<T>(
        &self,
        (host, port): (&str, u16),
        phase: Phase,
        work: impl Future<Output = Result<T, DialError>>,
    ) -> Result<T, DialError> {
        let Some(at) = self.at else {
            return work.await;
        };
        timeout_at(at, work).await.unwrap_or_else(|_| {
            Err(DialError::Timeout {
                host: host.to_owned(),
                port,
                phase,
                after: self.after,
            })
        })
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolving => "DNS has not answered: check this machine's DNS",
            Self::Connecting => {
                "no address has accepted: check that the server runs and that no firewall is in between"
            }
            Self::Securing => "the TLS handshake has not ended: check that this is a TLS port",
        })
    }
}
