//! A component's own answer to a waiting HTTP caller.

use serde::Serialize;

use crate::{Error, Result};

/// What a waiting HTTP caller is answered instead of the host's own answer, once the records of its event (if any) are
/// durable. Subscription handshakes need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) body: Vec<u8>,
}

impl Reply {
    /// Longest body, in bytes.
    pub const BODY_BYTES_MAX: usize = 64 << 10;
    /// Longest content type, in bytes.
    pub const CONTENT_TYPE_BYTES_MAX: usize = 256;

    /// An answer. [`Error::InvalidData`] if the status is not within 200 to 499, the content type is not printable
    /// ASCII, or one of them is too long.
    pub fn try_new(status: u16, content_type: impl Into<String>, body: impl Into<Vec<u8>>) -> Result<Self> {
        let (content_type, body) = (content_type.into(), body.into());
        if !(200..=499).contains(&status) {
            return Err(Error::invalid_data(format!(
                "an answer's status is within 200 to 499, not {status}"
            )));
        }
        let printable = content_type.bytes().all(|b| (0x20..0x7f).contains(&b));
        if !printable || content_type.len() > Self::CONTENT_TYPE_BYTES_MAX {
            return Err(Error::invalid_data(
                "an answer's content type is printable ASCII of at most 256 bytes",
            ));
        }
        if body.len() > Self::BODY_BYTES_MAX {
            return Err(Error::invalid_data(format!(
                "an answer's body has at most {} bytes, not {}",
                Self::BODY_BYTES_MAX,
                body.len()
            )));
        }
        Ok(Self {
            status,
            content_type,
            body,
        })
    }

    /// Plain text.
    pub fn text(status: u16, text: impl Into<String>) -> Result<Self> {
        Self::try_new(status, "text/plain; charset=utf-8", text.into())
    }

    /// JSON.
    pub fn json(status: u16, value: &impl Serialize) -> Result<Self> {
        Self::try_new(status, "application/json", serde_json::to_vec(value)?)
    }
}
