//! JSON text of a message, of bounded length: names are repeated with each value, and the text's author chose them.

use std::io::{self, Write};

use prost_reflect::{DynamicMessage, SerializeOptions};
use serde_path_to_error::{Path, Segment};

use crate::{limits::PAYLOAD, pointer::Pointer};

pub(super) fn json(message: &DynamicMessage) -> Result<Vec<u8>, serde_json::Error> {
    let mut bounded = Bounded(Vec::new());
    // A field that is 0, false or empty is printed: a reader of the document cannot know that it was left out.
    let options = SerializeOptions::new().skip_default_fields(false);
    message.serialize_with_options(&mut serde_json::Serializer::new(&mut bounded), &options)?;
    Ok(bounded.0)
}

struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > PAYLOAD.bytes_max {
            let message = format!("as JSON the message has more than {} bytes", PAYLOAD.bytes_max);
            return Err(io::Error::other(message));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The pointer at which a reader failed.
pub(super) fn pointer(path: &Path) -> String {
    let mut pointer = Pointer::default();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_index(*index),
            Segment::Map { key } => pointer.push_key(key),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer.finish()
}
