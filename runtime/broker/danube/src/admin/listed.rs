//! Groups the topics that brokers list: the broker lists every partition as a topic.

use std::collections::{BTreeMap, BTreeSet};

use danube_wasm_model::TopicName;

/// A topic and its names at the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListedTopic {
    pub(super) topic: TopicName,
    /// Number of existing partitions; 0 for a topic without.
    pub(super) partitions: u32,
    /// Its own name, or those of its partitions, from the first to the last.
    pub(super) names: Vec<TopicName>,
}

/// The topics of a list, by name. Names that are not valid here are left out.
pub(super) fn group_partitions(listed: &[String]) -> Vec<ListedTopic> {
    let listed: BTreeSet<&str> = listed.iter().map(String::as_str).collect();
    let mut topics: BTreeMap<TopicName, BTreeMap<Option<u32>, TopicName>> = BTreeMap::new();
    for name in &listed {
        // A topic that exists without partitions has none: a name that looks like one is another topic.
        let (topic, number, name) = match partition(name) {
            // Longer than a topic's name may be, perhaps: the topic's own is not.
            Some((base, number)) if !listed.contains(base.as_str()) => {
                let name = base.partition(number);
                (base, Some(number), name)
            }
            _ => match name.parse::<TopicName>() {
                Ok(name) => (name.clone(), None, name),
                Err(_) => continue,
            },
        };
        topics.entry(topic).or_default().insert(number, name);
    }
    let folded = |(topic, names): (TopicName, BTreeMap<Option<u32>, TopicName>)| ListedTopic {
        topic,
        partitions: u32::try_from(names.keys().flatten().count()).unwrap_or(u32::MAX),
        names: names.into_values().collect(),
    };
    topics.into_iter().map(folded).collect()
}

/// A name that a cluster would delete with this topic although it belongs to another: one with this prefix that looks
/// like a partition.
pub(super) fn deleted_with<'a>(found: &ListedTopic, listed: &'a [String]) -> Option<&'a str> {
    let own = |name: &str| found.names.iter().any(|own| own.as_str() == name);
    let mut names = listed.iter().map(String::as_str);
    names.find(|name| name.starts_with(found.topic.as_str()) && name.contains("-part-") && !own(name))
}

/// Splits a partition's name.
fn partition(name: &str) -> Option<(TopicName, u32)> {
    let (base, digits) = name.rsplit_once("-part-")?;
    let (base, number) = (base.parse::<TopicName>().ok()?, digits.parse().ok()?);
    // One spelling for each number.
    (base.partition(number).as_str() == name).then_some((base, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_whose_partitions_have_longer_names_than_a_topic_may_have_is_listed() {
        let longest = format!("/default/{}", "x".repeat(TopicName::BYTES_MAX - "/default/".len()));
        let listed = [0, 1].map(|n| format!("{longest}-part-{n}"));
        let folded = group_partitions(&listed);
        assert_eq!(folded.len(), 1);
        assert_eq!((folded[0].topic.as_str(), folded[0].partitions), (&*longest, 2));
        assert_eq!(
            folded[0].names.iter().map(TopicName::as_str).collect::<Vec<_>>(),
            listed
        );
    }

    #[test]
    fn partitions_are_their_topic_and_what_only_looks_so_is_itself() {
        let listed = [
            "/default/orders-part-10",
            "/default/orders-part-2",
            "/default/plain",
            "/default/plain-part-0",
            "/default/odd-part-01",
            "/default/twice-part-1-part-0",
            "no topic",
        ];
        let folded = group_partitions(&listed.map(str::to_owned));
        let found: Vec<_> = folded
            .iter()
            .map(|f| {
                (
                    f.topic.as_str(),
                    f.partitions,
                    f.names.iter().map(TopicName::as_str).collect(),
                )
            })
            .collect();
        let expected: [(&str, u32, Vec<&str>); 5] = [
            ("/default/odd-part-01", 0, vec!["/default/odd-part-01"]),
            (
                "/default/orders",
                2,
                vec!["/default/orders-part-2", "/default/orders-part-10"],
            ),
            ("/default/plain", 0, vec!["/default/plain"]),
            ("/default/plain-part-0", 0, vec!["/default/plain-part-0"]),
            ("/default/twice-part-1", 1, vec!["/default/twice-part-1-part-0"]),
        ];
        assert_eq!(found, expected);
    }
}
