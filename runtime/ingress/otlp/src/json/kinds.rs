//! Kinds of fields: how a value is written and read.

use std::{borrow::Cow, fmt, marker::PhantomData};

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

use super::{
    message::{Message, MessageSeed},
    number::{self, Integer},
    object::Object,
};

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

impl Kind<Vec<u8>> for Hex {
    fn is_default(value: &Vec<u8>) -> bool {
        value.is_empty()
    }

    fn write(value: &Vec<u8>, out: &mut Vec<u8>) {
        quoted(&hex::encode(value), out);
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        hex::decode(&*text).map_err(|error| D::Error::custom(format!("an id is written in hex: {error}")))
    }
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Kind<Vec<u8>> for Base64 {
    fn is_default(value: &Vec<u8>) -> bool {
        value.is_empty()
    }

    fn write(value: &Vec<u8>, out: &mut Vec<u8>) {
        quoted(&BASE64.encode(value), out);
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?
            .replace('-', "+")
            .replace('_', "/");
        BASE64
            .decode(text)
            .map_err(|error| D::Error::custom(format!("bytes are written in base64: {error}")))
    }
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

impl<K: Kind<T>, T> Kind<Vec<T>> for List<K> {
    fn is_default(value: &Vec<T>) -> bool {
        value.is_empty()
    }

    fn write(value: &Vec<T>, out: &mut Vec<u8>) {
        out.push(b'[');
        for (n, item) in value.iter().enumerate() {
            if n > 0 {
                out.push(b',');
            }
            K::write(item, out);
        }
        out.push(b']');
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
        deserializer.deserialize_seq(ListVisitor::<K, T>(PhantomData))
    }
}

struct ListVisitor<K, T>(PhantomData<(K, T)>);

impl<'de, K: Kind<T>, T> Visitor<'de> for ListVisitor<K, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Item::<K, T>(PhantomData))? {
            items.push(item);
        }
        Ok(items)
    }
}

/// Reads an item of a list.
struct Item<K, T>(PhantomData<(K, T)>);

impl<'de, K: Kind<T>, T> DeserializeSeed<'de> for Item<K, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        K::read(deserializer)
    }
}

/// Reads the value of a field; `null` is its default.
pub(crate) struct Field<K, T>(PhantomData<(K, T)>);

impl<K, T> Field<K, T> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<'de, K: Kind<T>, T> DeserializeSeed<'de> for Field<K, T> {
    type Value = Option<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, K: Kind<T>, T> Visitor<'de> for Field<K, T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_none<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        K::read(deserializer).map(Some)
    }
}
