//! Kinds of fields: how a value is written and read.

mod bytes;
mod field;
mod list;

use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeSeed as _, Deserializer};

use super::{
    message::{Message, MessageSeed},
    number::{self, Integer},
    object::Object,
};

pub(crate) use field::Field;

/// How a value of this type is written and read.
pub(crate) trait Kind<T> {
    /// Whether the field is left out.
    fn is_default(value: &T) -> bool;
    fn write(value: &T, out: &mut Vec<u8>);
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error>;
}

/// A string.
pub(crate) struct Text;
/// `true` or `false`.
pub(crate) struct Bool;
/// Bytes as hex, in any case: ids.
pub(crate) struct Hex;
/// Bytes as base64, of either alphabet, padded or not.
pub(crate) struct Base64;
/// A number of 32 bits; its text is accepted.
pub(crate) struct Int;
/// A number of 64 bits, written as text; numbers are accepted.
pub(crate) struct Long;
/// A floating-point number, or `"NaN"`, `"Infinity"` or `"-Infinity"`; its text is accepted.
pub(crate) struct Double;
/// The number of an enum. Its name is not accepted.
pub(crate) struct Enum;
/// Another message.
pub(crate) struct Msg;
/// May be absent.
pub(crate) struct Optional<K>(PhantomData<K>);
/// A list.
pub(crate) struct List<K>(PhantomData<K>);

impl Kind<String> for Text {
    fn is_default(value: &String) -> bool {
        value.is_empty()
    }

    fn write(value: &String, out: &mut Vec<u8>) {
        // Writing text into a vector cannot fail.
        let _ = serde_json::to_writer(out, value);
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
        String::deserialize(deserializer)
    }
}

impl Kind<bool> for Bool {
    fn is_default(value: &bool) -> bool {
        !value
    }

    fn write(value: &bool, out: &mut Vec<u8>) {
        out.extend_from_slice(if *value { b"true" } else { b"false" });
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
        bool::deserialize(deserializer)
    }
}

fn quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

impl<T: Integer> Kind<T> for Int {
    fn is_default(value: &T) -> bool {
        *value == T::default()
    }

    fn write(value: &T, out: &mut Vec<u8>) {
        out.extend_from_slice(value.to_string().as_bytes());
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        number::integer(deserializer, true)
    }
}

impl<T: Integer> Kind<T> for Long {
    fn is_default(value: &T) -> bool {
        *value == T::default()
    }

    fn write(value: &T, out: &mut Vec<u8>) {
        quoted(&value.to_string(), out);
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        number::integer(deserializer, true)
    }
}

impl Kind<i32> for Enum {
    fn is_default(value: &i32) -> bool {
        *value == 0
    }

    fn write(value: &i32, out: &mut Vec<u8>) {
        Int::write(value, out);
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
        number::integer(deserializer, false)
    }
}

impl Kind<f64> for Double {
    fn is_default(value: &f64) -> bool {
        // The default is the positive zero.
        value.to_bits() == 0
    }

    fn write(value: &f64, out: &mut Vec<u8>) {
        number::write_double(*value, out);
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        number::double(deserializer)
    }
}

impl<M: Message> Kind<M> for Msg {
    fn is_default(_: &M) -> bool {
        false
    }

    fn write(value: &M, out: &mut Vec<u8>) {
        Object::write(out, value);
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<M, D::Error> {
        MessageSeed::new().deserialize(deserializer)
    }
}

impl<K: Kind<T>, T> Kind<Option<T>> for Optional<K> {
    fn is_default(value: &Option<T>) -> bool {
        value.is_none()
    }

    fn write(value: &Option<T>, out: &mut Vec<u8>) {
        match value {
            Some(value) => K::write(value, out),
            None => out.extend_from_slice(b"null"),
        }
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
        K::read(deserializer).map(Some)
    }
}
