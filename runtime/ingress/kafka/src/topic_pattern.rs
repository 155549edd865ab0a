//! Which topics of Kafka a route is for.

use std::{fmt, str::FromStr};

use crate::limits::TOPIC_BYTES_MAX;

/// A topic's name, or a pattern in which `*` stands for anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicPattern(String);

/// Why a text is no such name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidTopic(&'static str);

impl TopicPattern {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it may be for several topics.
    pub fn is_pattern(&self) -> bool {
        self.0.contains('*')
    }

    /// Whether it is for this topic.
    pub fn matches(&self, topic: &str) -> bool {
        if !self.is_pattern() {
            return self.0 == topic;
        }
        !topic.starts_with("__") && matches(&self.0, topic)
    }

    /// As librdkafka subscribes to it: a name, or a regular expression that begins with `^`.
    pub(crate) fn subscription(&self) -> String {
        if !self.is_pattern() {
            return self.0.clone();
        }
        format!("^{}$", self.0.replace('.', "[.]").replace('*', ".*"))
    }
}

/// The part before the first star, then each part behind it where it is found first, the last one at the end.
fn matches(pattern: &str, topic: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| topic.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<_> = parts.collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

impl FromStr for TopicPattern {
    type Err = InvalidTopic;

    fn from_str(text: &str) -> Result<Self, InvalidTopic> {
        if text.starts_with('^') {
            return Err(InvalidTopic(
                "regular expressions are not taken: write `*` for anything",
            ));
        }
        let is_legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'*');
        match !text.is_empty() && text.len() <= TOPIC_BYTES_MAX && text.bytes().all(is_legal) {
            true => Ok(Self(text.to_owned())),
            false => Err(InvalidTopic(
                "a topic of Kafka has 1 to 249 of a-z, A-Z, 0-9, `.`, `_` and `-`; `*` stands for anything",
            )),
        }
    }
}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything_and_for_nothing() {
        let cases = [
            ("orders", "orders", true),
            ("orders", "orders2", false),
            ("shop.*", "shop.orders", true),
            ("shop.*", "shop", false),
            ("*.orders.*", "eu.orders.v1", true),
            ("*a*ab", "aab", true),
            ("*ab", "ab", true),
            ("a*a", "a", false),
            ("*", "__consumer_offsets", false),
        ];
        for (pattern, topic, expected) in cases {
            let pattern: TopicPattern = pattern.parse().expect("a pattern");
            assert_eq!(pattern.matches(topic), expected, "{pattern} {topic}");
        }
    }

    #[test]
    fn a_dot_is_a_dot_for_librdkafka_too() {
        let pattern: TopicPattern = "shop.*-v1".parse().expect("a pattern");
        assert_eq!(pattern.subscription(), "^shop[.].*-v1$");
    }

    #[test]
    fn what_no_topic_can_be_named_is_refused() {
        for text in ["", "a b", "^orders.*", "a/b", "ä"] {
            assert!(text.parse::<TopicPattern>().is_err(), "{text}");
        }
    }
}
