//! Names of streams, subjects and consumers. Topics have letters, digits, `_` and `-`; what else occurs in a name of a
//! subscription or subject is written `=XX`, in hexadecimal.

use std::fmt::Write as _;

use danube_wasm_model::{TopicName, hash::fnv1a};

use crate::limits::BUCKETS;

/// The stream of a topic: `dw=default=orders`.
pub(crate) fn stream(prefix: &str, topic: &TopicName) -> String {
    format!("{prefix}={}={}", topic.namespace(), topic.name())
}

/// All subjects of a topic.
pub(crate) fn subjects(prefix: &str, topic: &TopicName) -> String {
    format!("{prefix}.{}.{}.*.*", topic.namespace(), topic.name())
}

/// The subject of a record.
pub(crate) fn subject(prefix: &str, topic: &TopicName, place: Place) -> String {
    let Place { partition, bucket } = place;
    format!("{prefix}.{}.{}.{partition}.{bucket}", topic.namespace(), topic.name())
}

/// The subjects of one bucket of keys.
pub(crate) fn bucket_subjects(prefix: &str, topic: &TopicName, bucket: u32) -> String {
    format!("{prefix}.{}.{}.*.{bucket}", topic.namespace(), topic.name())
}

/// The partition in a record's subject.
pub(crate) fn partition_of(subject: &str) -> u32 {
    let mut tokens = subject.rsplit('.');
    tokens.next();
    tokens.next().and_then(|token| token.parse().ok()).unwrap_or(0)
}

/// The bucket in a record's subject.
pub(crate) fn bucket_of(subject: &str) -> u32 {
    subject
        .rsplit('.')
        .next()
        .and_then(|token| token.parse().ok())
        .unwrap_or(0)
}

/// All subjects of one partition.
pub(crate) fn partition_subjects(prefix: &str, topic: &TopicName, partition: u32) -> String {
    format!("{prefix}.{}.{}.{partition}.*", topic.namespace(), topic.name())
}

/// Where a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) partition: u32,
    pub(crate) bucket: u32,
}

impl Place {
    /// By key as the other brokers choose it, or in turn.
    pub(crate) fn choose(key: Option<&[u8]>, partitions: u32, turn: u32) -> Self {
        let partitions = partitions.max(1);
        match key {
            Some(key) => {
                let hash = fnv1a(key.iter().copied());
                Self {
                    partition: u32::try_from(hash % u64::from(partitions)).unwrap_or(0),
                    bucket: bucket(hash),
                }
            }
            None => Self {
                partition: turn % partitions,
                bucket: (turn / partitions) % BUCKETS,
            },
        }
    }
}

/// The number of a partition in [`danube_wasm_broker::MessageId`]: the same in every process.
pub(crate) fn partition_number(stream: &str, partition: u32) -> u64 {
    (fnv1a(stream.bytes()) << 16) | u64::from(partition & 0xffff)
}

/// A consumer of a subscription: of all its topic, or of one bucket of keys.
pub(crate) fn consumer(subscription: &str, bucket: Option<u32>) -> String {
    let name = escape(subscription);
    match bucket {
        None => name,
        Some(bucket) => format!("{name}~{bucket}"),
    }
}

/// A text as one token of a subject.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => escaped.push(char::from(byte)),
            other => {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "={other:02X}");
            }
        }
    }
    escaped
}

/// Of a key's hash, whose bits hardly differ between keys that end differently: so they are mixed first.
fn bucket(hash: u64) -> u32 {
    let mixed = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    u32::try_from((mixed >> 32) % u64::from(BUCKETS)).unwrap_or(0)
}

/// A text that is used nowhere else.
pub(crate) fn unique() -> String {
    format!("{:032x}", rand::random::<u128>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_names_stay_different() {
        let names = ["a/b:c", "a=2Fb", "a.b", "a b", "a~1", "ä", "a_b", "a-b"];
        let mut escaped: Vec<_> = names.iter().map(|name| consumer(name, None)).collect();
        escaped.push(consumer("a", Some(1)));
        escaped.sort();
        escaped.dedup();
        assert_eq!(escaped.len(), names.len() + 1);
        assert!(escaped.iter().all(|name| !name.contains(['.', '*', '>', '/', ' '])));
        assert_eq!(consumer("a/b:c", Some(3)), "a=2Fb=3Ac~3");
    }

    #[test]
    fn records_without_a_key_use_every_partition_and_bucket() {
        let places = (0..24).map(|turn| Place::choose(None, 3, turn));
        let mut places: Vec<_> = places.map(|place| (place.partition, place.bucket)).collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), 24);
    }

    #[test]
    fn keys_that_differ_at_their_end_are_in_all_buckets() {
        let keys = (0..100).map(|n| format!("key-{n}"));
        let buckets: std::collections::BTreeSet<u32> = keys
            .map(|key| Place::choose(Some(key.as_bytes()), 4, 0).bucket)
            .collect();
        assert_eq!(buckets.len(), 8);
    }

    #[test]
    fn a_subject_names_its_partition() {
        let topic: TopicName = "/ns/orders".parse().expect("valid");
        let place = Place::choose(Some(b"key"), 16, 7);
        assert_eq!(place, Place::choose(Some(b"key"), 16, 8));
        let subject = subject("dw", &topic, place);
        assert_eq!(partition_of(&subject), place.partition);
        assert_eq!(bucket_of(&subject), place.bucket);
    }
}
