//! Lists.

use std::{fmt, marker::PhantomData};

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};

use super::{Kind, List};

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
