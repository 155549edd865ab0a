//! How long one event of a body may be.

use danube_wasm_ingress_listener::Refusal;

use crate::{content::BodyFormat, endpoint::Endpoint};

/// The longest event that an endpoint takes now, and who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventLimit {
    pub(crate) bytes_max: usize,
    is_of_broker: bool,
}

impl EventLimit {
    /// Of a single event. Those of a list are held against the broker's limit one by one, after their component.
    pub(crate) fn of(endpoint: &Endpoint) -> Self {
        let own = Self {
            bytes_max: endpoint.event_bytes_max,
            is_of_broker: false,
        };
        match endpoint.intake.payload_bytes_max() {
            Some(bytes_max) if bytes_max < own.bytes_max => Self {
                bytes_max,
                is_of_broker: true,
            },
            _ => own,
        }
    }

    /// Of each event of a list.
    pub(crate) fn of_each(endpoint: &Endpoint) -> Self {
        Self {
            bytes_max: endpoint.event_bytes_max,
            is_of_broker: false,
        }
    }

    #[cfg(test)]
    pub(crate) fn unlimited() -> Self {
        Self {
            bytes_max: usize::MAX,
            is_of_broker: false,
        }
    }

    /// How long a body of this format may be, with no more than `body_bytes_max`: what it is known to be too long for is not read.
    pub(crate) fn of_body(self, format: BodyFormat, body_bytes_max: usize) -> usize {
        match format.is_the_event() {
            true => self.bytes_max.min(body_bytes_max),
            false => body_bytes_max,
        }
    }

    /// An error if an event is longer.
    pub(crate) fn check(self, bytes: usize) -> Result<(), String> {
        match bytes <= self.bytes_max {
            true => Ok(()),
            false => Err(self.sentence()),
        }
    }

    /// Says of a body that was over [`Self::of_body`] that its event is what was too long.
    pub(crate) fn explain(self, refusal: Refusal, body_bytes_max: usize) -> Refusal {
        let is_own = |max| max == self.bytes_max && max < body_bytes_max;
        match refusal {
            Refusal::TooLarge(max) | Refusal::TooCompressed(max) if is_own(max) => {
                Refusal::EventTooLarge(self.sentence())
            }
            other => other,
        }
    }

    fn sentence(self) -> String {
        let Self { bytes_max, .. } = self;
        match self.is_of_broker {
            true => format!(
                "the event is over the limit of {bytes_max} bytes that the broker behind this endpoint has for a record: send \
                 less of it, or in parts"
            ),
            false => format!(
                "the event is over this endpoint's limit of {bytes_max} bytes for one event (`max_event_bytes`): send less of it, or in parts"
            ),
        }
    }
}
