//! What a side has to do, as arguments of its process.

use anyhow::{Result, bail};
use danube_wasm_benches::Child;

/// Bytes of a message's payload.
pub(crate) const PAYLOAD_BYTES: usize = 300;

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    pub(crate) url: String,
    /// Name of the topic, without its namespace.
    pub(crate) topic: String,
    pub(crate) messages: usize,
    pub(crate) batch: usize,
}

impl Work {
    pub(crate) fn from_arguments() -> Result<Self> {
        let arguments: Vec<_> = std::env::args().skip(2).collect();
        let [url, topic, messages, batch] = &arguments[..] else {
            bail!("these are not the arguments: {arguments:?}")
        };
        Ok(Self {
            url: url.clone(),
            topic: topic.clone(),
            messages: messages.parse()?,
            batch: batch.parse()?,
        })
    }

    /// Does it in a process of its own, in this role. Gives its account.
    pub(crate) fn run(&self, role: &str) -> Result<String> {
        let (messages, batch) = (self.messages.to_string(), self.batch.to_string());
        Child::start(role, &[&self.url, &self.topic, &messages, &batch])?.finish()
    }

    /// Stream of the topic.
    pub(crate) fn stream(&self) -> String {
        format!("dw=default={}", self.topic)
    }

    /// Subject of a message without a key.
    pub(crate) fn subject(&self) -> String {
        format!("dw.default.{}.0.0", self.topic)
    }
}
