//! Strict JSON: one pass over the bytes, before anything is built from them.
//!
//! Documents that other readers accept are refused here, because they may carry money: a key that is twice in its
//! object (readers disagree which one counts) and a number that would be changed by reading (see [`number`]). Also
//! refused: text that is not UTF-8, lone surrogates, trailing bytes, and nesting or counts over a limit. The error
//! names its JSON pointer.
//!
//! Every event passes through here, so the pass allocates nothing for documents of few keys beyond two small vectors, and
//! skips plain text eight bytes at a time.

mod keys;
mod number;
mod size;
mod text;

use std::borrow::Cow;

use danube_wasm_model::door::Violation;
use keys::Keys;
pub use size::within;

use crate::violations;

/// Limits of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Length, in bytes.
    pub bytes_max: usize,
    /// Objects and arrays inside each other.
    pub depth_max: usize,
    /// Values, counting each object, array, member and element.
    pub values_max: usize,
}

/// Measures of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shape {
    /// Number of values: each object, array, string, number and literal.
    pub values: usize,
    /// Objects and arrays inside each other at the deepest place.
    pub depth: usize,
}

/// Reads a whole document.
pub fn scan(bytes: &[u8], limits: Limits) -> Result<Shape, Violation> {
    if bytes.len() > limits.bytes_max {
        let message = format!(
            "the document has {} bytes; at most {} are taken",
            bytes.len(),
            limits.bytes_max
        );
        return Err(violations::whole(message));
    }
    let (text, utf8) = match std::str::from_utf8(bytes) {
        Ok(_) => (bytes, true),
        Err(error) => (&bytes[..error.valid_up_to()], false),
    };
    let mut scanner = Scanner::new(text, limits);
    match scanner.document() {
        Ok(()) if utf8 => Ok(scanner.shape),
        Err(syntax_error) if utf8 || syntax_error.at < text.len() => Err(scanner.violation(syntax_error)),
        // The text before the offending byte is valid, or ends there.
        _ => Err(scanner.violation(SyntaxError {
            at: text.len(),
            message: format!("byte {} is not UTF-8", text.len()).into(),
        })),
    }
}

/// Why the pass failed, and at which byte.
struct SyntaxError {
    at: usize,
    message: Cow<'static, str>,
}

/// An object or array that is open.
enum Frame {
    Object { keys_from: usize, at_key: bool },
    Array { index: usize },
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    open: Vec<Frame>,
    keys: Keys<'a>,
    shape: Shape,
    limits: Limits,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a [u8], limits: Limits) -> Self {
        Self {
            text,
            at: 0,
            open: Vec::new(),
            keys: Keys::default(),
            shape: Shape::default(),
            limits,
        }
    }

    fn document(&mut self) -> Result<(), SyntaxError> {
        loop {
            if self.value()? {
                continue;
            }
            while self.after_value()? {}
            if self.open.is_empty() {
                break;
            }
        }
        self.skip_space();
        if self.at < self.text.len() {
            return Err(self.syntax_error("the document ends, and more follows it"));
        }
        Ok(())
    }

    /// Reads a value, or opens one: true if its first member or element is next.
    fn value(&mut self) -> Result<bool, SyntaxError> {
        self.skip_space();
        self.shape.values += 1;
        if self.shape.values > self.limits.values_max {
            return Err(self.syntax_error(format!("the document has more than {} values", self.limits.values_max)));
        }
        match self.peek() {
            Some(b'{') => {
                return self.open(
                    Frame::Object {
                        keys_from: self.keys.len(),
                        at_key: false,
                    },
                    b'}',
                );
            }
            Some(b'[') => return self.open(Frame::Array { index: 0 }, b']'),
            Some(b'"') => {
                text::read(self.text, &mut self.at)?;
            }
            Some(b'-' | b'0'..=b'9') => number::read(self.text, &mut self.at)?,
            Some(b't') => self.literal(b"true")?,
            Some(b'f') => self.literal(b"false")?,
            Some(b'n') => self.literal(b"null")?,
            Some(_) => return Err(self.syntax_error("a value is expected here")),
            None => return Err(self.syntax_error("the document ends where a value is expected")),
        }
        Ok(false)
    }

    fn open(&mut self, frame: Frame, end: u8) -> Result<bool, SyntaxError> {
        if self.open.len() == self.limits.depth_max {
            return Err(self.syntax_error(format!(
                "objects and arrays are nested deeper than {}",
                self.limits.depth_max
            )));
        }
        self.at += 1;
        self.skip_space();
        if self.peek() == Some(end) {
            self.at += 1;
            self.shape.depth = self.shape.depth.max(self.open.len() + 1);
            return Ok(false);
        }
        let object = matches!(frame, Frame::Object { .. });
        self.open.push(frame);
        self.shape.depth = self.shape.depth.max(self.open.len());
        if object {
            self.key()?;
        }
        Ok(true)
    }

    /// What follows a value: true if a container was closed, so that this was asked about a value inside and must be
    /// asked again; false if a value is next, or the document is over.
    fn after_value(&mut self) -> Result<bool, SyntaxError> {
        let Some(frame) = self.open.last_mut() else {
            return Ok(false);
        };
        while matches!(self.text.get(self.at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
        match (frame, self.text.get(self.at)) {
            (Frame::Array { index }, Some(b',')) => {
                *index += 1;
                self.at += 1;
                Ok(false)
            }
            (Frame::Object { at_key, .. }, Some(b',')) => {
                *at_key = false;
                self.at += 1;
                self.skip_space();
                self.key()?;
                Ok(false)
            }
            (Frame::Array { .. }, Some(b']')) => {
                self.open.pop();
                self.at += 1;
                Ok(true)
            }
            (Frame::Object { keys_from, .. }, Some(b'}')) => {
                self.keys.close(*keys_from);
                self.open.pop();
                self.at += 1;
                Ok(true)
            }
            (_, None) => Err(self.syntax_error("the document ends inside an object or array")),
            (Frame::Array { .. }, _) => Err(self.syntax_error("`,` or `]` is expected here")),
            (Frame::Object { .. }, _) => Err(self.syntax_error("`,` or `}` is expected here")),
        }
    }

    /// Reads a key and its colon.
    fn key(&mut self) -> Result<(), SyntaxError> {
        if self.peek() != Some(b'"') {
            return Err(self.syntax_error("a key in double quotes is expected here"));
        }
        let start = self.at;
        let key = text::read(self.text, &mut self.at)?;
        let Some(Frame::Object { keys_from, at_key }) = self.open.last_mut() else {
            return Err(self.syntax_error("a key is outside of an object"));
        };
        *at_key = true;
        if !self.keys.push(*keys_from, key.unescaped()) {
            return Err(SyntaxError {
                at: start,
                message: "this key is in its object twice".into(),
            });
        }
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(self.syntax_error("`:` is expected here"));
        }
        self.at += 1;
        Ok(())
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), SyntaxError> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.syntax_error("a value is expected here"));
        }
        self.at += word.len();
        Ok(())
    }

    fn skip_space(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn syntax_error(&self, message: impl Into<Cow<'static, str>>) -> SyntaxError {
        SyntaxError {
            at: self.at,
            message: message.into(),
        }
    }

    /// The violation at the current position.
    fn violation(&self, syntax_error: SyntaxError) -> Violation {
        let mut path = crate::pointer::Pointer::default();
        let mut frames = self.open.iter().peekable();
        while let Some(frame) = frames.next() {
            match frame {
                Frame::Array { index } => path.push_index(*index),
                Frame::Object { at_key: true, .. } => {
                    // Its current key is the last one before those of the next object inside it.
                    let inner = frames.clone().find_map(|frame| match frame {
                        Frame::Object { keys_from, .. } => Some(*keys_from),
                        Frame::Array { .. } => None,
                    });
                    if let Some(key) = self.keys.last_before(inner.unwrap_or(self.keys.len())) {
                        path.push_key(&String::from_utf8_lossy(key));
                    }
                }
                Frame::Object { at_key: false, .. } => {}
            }
        }
        Violation {
            path: path.finish(),
            message: format!("{} (byte {})", syntax_error.message, syntax_error.at),
        }
    }
}
