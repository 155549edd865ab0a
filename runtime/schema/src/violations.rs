//! Violations as the sender and the operator read them, all of bounded length.

use std::fmt::{self, Write};

use danube_wasm_model::door::Violation;

use crate::limits::{VIOLATION_MESSAGE_BYTES_MAX, VIOLATION_PATH_BYTES_MAX};

/// One about the whole document.
pub(crate) fn whole(message: impl fmt::Display) -> Violation {
    Violation {
        path: String::new(),
        message: bounded(&message, VIOLATION_MESSAGE_BYTES_MAX),
    }
}

/// One about the value at a JSON pointer.
pub(crate) fn at(path: &str, message: impl fmt::Display) -> Violation {
    Violation {
        path: bounded(&path, VIOLATION_PATH_BYTES_MAX),
        message: bounded(&message, VIOLATION_MESSAGE_BYTES_MAX),
    }
}

/// Displays no more than `bytes_max`, and stops producing what is not shown.
pub(crate) fn bounded(text: &dyn fmt::Display, bytes_max: usize) -> String {
    let mut bounded = Bounded {
        text: String::new(),
        bytes_max,
    };
    if write!(bounded, "{text}").is_err() {
        bounded.text.push('…');
    }
    bounded.text
}

struct Bounded {
    text: String,
    bytes_max: usize,
}

impl Write for Bounded {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let room = self.bytes_max - self.text.len();
        let fits = more.floor_char_boundary(room);
        self.text.push_str(&more[..fits]);
        if fits < more.len() { Err(fmt::Error) } else { Ok(()) }
    }
}
