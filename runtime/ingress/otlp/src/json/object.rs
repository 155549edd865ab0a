//! Writes objects.

use super::{kinds::Kind, message::Message};

/// An object that is being written.
pub(crate) struct Object<'a> {
    out: &'a mut Vec<u8>,
    is_empty: bool,
}

impl<'a> Object<'a> {
    /// Begins an object. [`Self::end`] ends it.
    pub(crate) fn begin(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, is_empty: true }
    }

    /// Writes members behind others: each has a comma before it.
    pub(crate) fn resume(out: &'a mut Vec<u8>) -> Self {
        Self { out, is_empty: false }
    }

    /// Adds what was written with [`Self::resume`].
    pub(crate) fn members(&mut self, text: &[u8]) {
        let text = if self.is_empty {
            text.strip_prefix(b",").unwrap_or(text)
        } else {
            text
        };
        self.is_empty &= text.is_empty();
        self.out.extend_from_slice(text);
    }

    pub(crate) fn end(self) {
        self.out.push(b'}');
    }

    /// Writes a whole message.
    pub(crate) fn write(out: &'a mut Vec<u8>, message: &impl Message) {
        let mut object = Self::begin(out);
        message.write(&mut object);
        object.end();
    }

    /// Writes a field, unless it has its default.
    pub(crate) fn field<K: Kind<T>, T>(&mut self, key: &'static str, value: &T) {
        if !K::is_default(value) {
            self.chosen::<K, T>(key, value);
        }
    }

    /// Writes a field, whatever it has.
    pub(crate) fn chosen<K: Kind<T>, T>(&mut self, key: &'static str, value: &T) {
        K::write(value, self.value(key));
    }

    /// Writes a name; its value is to follow.
    pub(crate) fn value(&mut self, key: &'static str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.is_empty) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }
}
