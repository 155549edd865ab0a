//! Messages as JSON objects.

use std::{fmt, marker::PhantomData};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::object::Object;

/// A message of OTLP. [`message!`] implements it from a table of its fields.
pub(crate) trait Message: Default {
    /// The names of its fields.
    const KEYS: &'static [&'static str];

    /// Writes the fields that are not their defaults.
    fn write(&self, object: &mut Object<'_>);

    /// Reads the value of one of [`Self::KEYS`].
    fn read<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error>;
}

/// Reads a message.
pub(crate) struct MessageSeed<M>(PhantomData<M>);

impl<M> MessageSeed<M> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<'de, M: Message> DeserializeSeed<'de> for MessageSeed<M> {
    type Value = M;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<M, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, M: Message> Visitor<'de> for MessageSeed<M> {
    type Value = M;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<M, A::Error> {
        let mut message = M::default();
        let mut seen = 0_u32;
        while let Some(known) = map.next_key_seed(KeySeed::<M>(PhantomData))? {
            let Some(index) = known else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let key = M::KEYS[index];
            if seen & (1 << index) != 0 {
                return Err(A::Error::custom(format!("`{key}` is there twice")));
            }
            seen |= 1 << index;
            message.read(key, &mut map)?;
        }
        Ok(message)
    }
}

/// Reads a name, and gives its place in [`Message::KEYS`].
struct KeySeed<M>(PhantomData<M>);

impl<'de, M: Message> DeserializeSeed<'de> for KeySeed<M> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<M: Message> Visitor<'_> for KeySeed<M> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Option<usize>, E> {
        let known = M::KEYS.iter().position(|known| *known == key);
        if known.is_none() {
            check_unknown::<M, E>(key)?;
        }
        Ok(known)
    }
}

/// Unknown names are what later versions of the protocol have. The original name of a field is not valid, and what is there
/// would be lost.
fn check_unknown<M: Message, E: Error>(key: &str) -> Result<(), E> {
    let is_original = |known: &&&str| key.contains('_') && key.replace('_', "").eq_ignore_ascii_case(known);
    match M::KEYS.iter().find(is_original) {
        Some(known) => Err(E::custom(format!("`{key}` is written `{known}` in JSON"))),
        None => Ok(()),
    }
}

/// Implements [`Message`] from a table: field, kind, name. The fields of a `oneof` follow it: variant, kind, name.
macro_rules! message {
    (
        $type:ty {
            $($field:ident: $kind:ty = $key:literal,)*
        }
        $(oneof $oneof:ident: $choice:path { $($variant:ident: $of:ty = $name:literal,)* })?
    ) => {
        impl $crate::json::message::Message for $type {
            const KEYS: &'static [&'static str] = &[$($key,)* $($($name,)*)?];

            fn write(&self, object: &mut $crate::json::object::Object<'_>) {
                $(object.field::<$kind, _>($key, &self.$field);)*
                $({
                    use $choice as Choice;
                    match &self.$oneof {
                        $(Some(Choice::$variant(value)) => object.chosen::<$of, _>($name, value),)*
                        None => {}
                    }
                })?
                // An empty message has none.
                let _ = object;
            }

            fn read<'de, A: serde::de::MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
                match key {
                    $($key => {
                        if let Some(value) = map.next_value_seed($crate::json::kinds::Field::<$kind, _>::new())? {
                            self.$field = value;
                        }
                    })*
                    $($($name => {
                        use $choice as Choice;
                        if let Some(value) = map.next_value_seed($crate::json::kinds::Field::<$of, _>::new())? {
                            if self.$oneof.is_some() {
                                return Err(serde::de::Error::custom("only one of the possible values may be given"));
                            }
                            self.$oneof = Some(Choice::$variant(value));
                        }
                    })*)?
                    _ => {}
                }
                Ok(())
            }
        }
    };
}
