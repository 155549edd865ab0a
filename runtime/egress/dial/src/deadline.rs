//! The deadline of a dial, over all its phases.

use std::{fmt, future::Future, time::Duration};

use tokio::time::{Instant, timeout_at};

use crate::DialError;

/// What a dial was waiting for when its deadline passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// DNS.
    Resolving,
    /// A connection to one of the addresses.
    Connecting,
    /// The TLS handshake.
    Securing,
}

/// The deadline of a dial.
pub(crate) struct Deadline {
    after: Duration,
    at: Option<Instant>,
}

impl Deadline {
    /// Starts a deadline now. A time beyond the clock's range counts as no deadline.
    pub(crate) fn after(after: Duration) -> Self {
        let at = Instant::now().checked_add(after);
        Self { after, at }
    }

    /// Runs `work` until the deadline.
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
