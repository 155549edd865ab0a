//! Reads a body, and says where it is wrong.

use super::message::{Message, MessageSeed};

/// Why a body is not OTLP/JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", at(path))]
pub(crate) struct Malformed {
    /// Where: `resourceSpans[0].scopeSpans[0].spans[3].traceId`. Empty for the whole.
    path: String,
    /// What is wrong there.
    reason: String,
}

fn at(path: &str) -> String {
    if path.is_empty() {
        String::new()
    } else {
        format!("`{path}`: ")
    }
}

/// Reads a whole body.
pub(crate) fn read<M: Message>(body: &[u8]) -> Result<M, Malformed> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    let message = serde::de::DeserializeSeed::deserialize(MessageSeed::<M>::new(), tracked);
    match message.and_then(|message| json.end().map(|()| message)) {
        Ok(message) => Ok(message),
        Err(error) => {
            let path = track.path().to_string();
            Err(Malformed {
                path: if path == "." { String::new() } else { path },
                reason: error.to_string(),
            })
        }
    }
}
