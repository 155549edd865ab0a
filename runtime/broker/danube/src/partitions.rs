//! Partitions: `/namespace/topic-part-0`, `-part-1` …; to a Danube broker each is a separate topic.

use std::collections::BTreeSet;

use danube_wasm_model::{TopicName, hash::fnv1a};

/// Which partitions of a topic exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Nothing.
    Missing,
    /// A topic without partitions.
    Plain,
    /// These partitions.
    Partitioned(BTreeSet<u32>),
}

impl Layout {
    /// From a broker's list for a topic. Danube's brokers list every topic whose name begins with this one's; only
    /// `<topic>` and `<topic>-part-<n>` belong to it.
    pub(crate) fn of(topic: &TopicName, listed: &[String]) -> Self {
        if listed.iter().any(|name| name == topic.as_str()) {
            return Self::Plain;
        }
        let numbers: BTreeSet<u32> = listed.iter().filter_map(|name| number(topic, name)).collect();
        match numbers.is_empty() {
            true => Self::Missing,
            false => Self::Partitioned(numbers),
        }
    }

    /// The topics that hold its messages.
    pub(crate) fn names(&self, topic: &TopicName) -> Vec<TopicName> {
        match self {
            Self::Missing => Vec::new(),
            Self::Plain => vec![topic.clone()],
            Self::Partitioned(numbers) => numbers.iter().map(|n| topic.partition(*n)).collect(),
        }
    }

    /// Number of partitions: 0 without, `None` if some are missing in between. Partitions are created from the last to
    /// the first, so that an incomplete topic can be recognised.
    pub(crate) fn complete(&self) -> Option<u32> {
        match self {
            Self::Missing => None,
            Self::Plain => Some(0),
            Self::Partitioned(numbers) => {
                let n = u32::try_from(numbers.len()).ok()?;
                (numbers.last() == Some(&(n - 1))).then_some(n)
            }
        }
    }

    /// Whether it is the result of an interrupted creation of `partitions` partitions.
    pub(crate) fn is_partial_creation_of(&self, partitions: u32) -> bool {
        matches!(self, Self::Partitioned(numbers)
            if self.complete().is_none() && numbers.last() == partitions.checked_sub(1).as_ref())
    }
}

fn number(topic: &TopicName, name: &str) -> Option<u32> {
    let digits = name.strip_prefix(topic.as_str())?.strip_prefix("-part-")?;
    // Each number has one spelling.
    let canonical = digits == "0" || !digits.starts_with('0');
    (canonical && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// Which of `partitions` a key belongs to, as Danube's clients have it: 64-bit FNV-1a.
pub(crate) fn of_key(key: &[u8], partitions: usize) -> usize {
    let hash = fnv1a(key.iter().copied());
    usize::try_from(hash % partitions.max(1) as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(listed: &[&str]) -> Layout {
        let topic = "/default/orders".parse().expect("valid");
        Layout::of(&topic, &listed.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn foreign_topics_that_share_the_prefix_are_not_partitions() {
        let found = layout(&[
            "/default/orders-part-1",
            "/default/orders-archive",
            "/default/orders2-part-0",
            "/default/orders-part-0",
            "/default/orders-part-x",
            "/default/orders-part-",
            "/default/orders-part-01",
            "/default/orders-part-2-part-0",
        ]);
        assert_eq!(found, Layout::Partitioned(BTreeSet::from([0, 1])));
        assert_eq!(found.complete(), Some(2));
        assert_eq!(layout(&["/default/orders-archive"]), Layout::Missing);
        assert_eq!(layout(&["/default/orders", "/default/orders-archive"]), Layout::Plain);
    }

    #[test]
    fn a_topic_left_half_made_is_told_from_one_with_fewer_partitions() {
        let half = layout(&["/default/orders-part-3", "/default/orders-part-2"]);
        assert_eq!(half.complete(), None);
        assert!(half.is_partial_creation_of(4) && !half.is_partial_creation_of(5));
        let whole = layout(&["/default/orders-part-0", "/default/orders-part-1"]);
        assert!(!whole.is_partial_creation_of(2) && !whole.is_partial_creation_of(4));
    }

    #[test]
    fn keys_go_where_danubes_clients_send_them() {
        // 64-bit FNV-1a of "foobar" is 0x85944171f73967e8.
        assert_eq!(
            of_key(b"foobar", 7),
            usize::try_from(0x8594_4171_f739_67e8_u64 % 7).expect("small")
        );
        assert_eq!(of_key(b"anything", 1), 0);
    }
}
