//! Topic filters: which topics a subscription is for.

use std::{fmt, str::FromStr};

use crate::limits::TOPIC_BYTES_MAX;

/// A topic filter as it is subscribed to, `$share/GROUP/` included.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicFilter {
    text: String,
    /// Where the part that topics are compared with begins.
    levels_at: usize,
}

/// Why a text is no topic filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidFilter(&'static str);

impl TopicFilter {
    /// As it is subscribed to.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The group that shares the subscription, if one does.
    pub fn group(&self) -> Option<&str> {
        let group = self.text.get("$share/".len()..self.levels_at.checked_sub(1)?);
        group.filter(|_| self.levels_at > 0)
    }

    /// What topics are compared with.
    pub fn levels(&self) -> &str {
        &self.text[self.levels_at..]
    }

    /// The same for another group, if it is shared.
    pub(crate) fn in_group(&self, group: &str) -> String {
        match self.group() {
            Some(_) => format!("$share/{group}/{}", self.levels()),
            None => self.text.clone(),
        }
    }

    /// Whether messages of this topic come by it. `a/#` is for `a`, too; a wildcard at the root is for no topic of the
    /// broker's own (`$SYS`).
    pub fn matches(&self, topic: &str) -> bool {
        let filter = self.levels();
        if topic.starts_with('$') && filter.starts_with(['#', '+']) {
            return false;
        }
        let mut levels = topic.split('/');
        for wanted in filter.split('/') {
            match (wanted, levels.next()) {
                ("#", _) => return true,
                ("+", Some(_)) => {}
                (wanted, Some(level)) if wanted == level => {}
                _ => return false,
            }
        }
        levels.next().is_none()
    }

    /// Whether there may be a topic that both are for.
    pub fn overlaps(&self, other: &Self) -> bool {
        let (mut ours, mut theirs) = (self.levels().split('/'), other.levels().split('/'));
        let is_own = |filter: &Self| filter.levels().starts_with('$');
        let is_wild = |filter: &Self| filter.levels().starts_with(['#', '+']);
        if is_own(self) && is_wild(other) || is_own(other) && is_wild(self) {
            return false;
        }
        loop {
            match (ours.next(), theirs.next()) {
                (Some("#"), _) | (_, Some("#")) | (None, None) => return true,
                (Some(a), Some(b)) if a == "+" || b == "+" || a == b => {}
                _ => return false,
            }
        }
    }
}

impl FromStr for TopicFilter {
    type Err = InvalidFilter;

    fn from_str(text: &str) -> Result<Self, InvalidFilter> {
        let levels_at = match text.strip_prefix("$share/") {
            None => 0,
            Some(shared) => match shared.split_once('/') {
                Some((group, _)) if !group.is_empty() && !group.contains(['+', '#']) => {
                    text.len() - shared.len() + group.len() + 1
                }
                _ => return Err(InvalidFilter("a shared subscription is `$share/GROUP/FILTER`")),
            },
        };
        let levels = &text[levels_at..];
        if levels.is_empty() || text.len() > TOPIC_BYTES_MAX || levels.contains('\0') {
            return Err(InvalidFilter(
                "a topic filter has 1 to 65535 bytes, as `sensors/+/temperature`",
            ));
        }
        let mut rest = levels.split('/').peekable();
        while let Some(level) = rest.next() {
            if level.contains('#') && (level != "#" || rest.peek().is_some()) {
                return Err(InvalidFilter(
                    "`#` is a level of its own, and the last one, as in `sensors/#`",
                ));
            }
            if level.contains('+') && level != "+" {
                return Err(InvalidFilter(
                    "`+` is a level of its own, as in `sensors/+/temperature`",
                ));
            }
        }
        Ok(Self {
            text: text.to_owned(),
            levels_at,
        })
    }
}

impl fmt::Display for TopicFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &str) -> TopicFilter {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// danube-connect: `sensors/#` did not match `sensors`.
    #[test]
    fn a_number_sign_is_for_the_level_above_it_too() {
        assert!(filter("sensors/#").matches("sensors"));
        assert!(filter("sensors/#").matches("sensors/a/b") && filter("sensors/#").matches("sensors/"));
        assert!(!filter("sensors/#").matches("sensor") && !filter("sensors/#").matches("sensorsx/a"));
    }

    /// danube-connect: `$share/…` filters matched nothing, and every message was dropped.
    #[test]
    fn a_shared_filter_is_compared_without_its_group() {
        let shared = filter("$share/g/sensors/+/t");
        assert!(shared.matches("sensors/1/t") && !shared.matches("$share/g/sensors/1/t"));
        assert_eq!((shared.group(), shared.levels()), (Some("g"), "sensors/+/t"));
        assert_eq!(shared.in_group("other"), "$share/other/sensors/+/t");
        assert_eq!(filter("a/b").group(), None);
    }

    #[test]
    fn wildcards_at_the_root_do_not_bring_the_brokers_own_topics() {
        assert!(!filter("#").matches("$SYS/uptime") && !filter("+/uptime").matches("$SYS/uptime"));
        assert!(filter("$SYS/#").matches("$SYS/uptime") && filter("#").matches("a"));
        assert!(!filter("$share/g/#").matches("$SYS/uptime"));
    }

    #[test]
    fn levels_are_compared_as_they_are() {
        assert!(filter("a/+/c").matches("a//c") && filter("+/+").matches("/a") && filter("/+").matches("/a"));
        assert!(!filter("a/+").matches("a") && !filter("a/+").matches("a/b/c") && !filter("a").matches("a/"));
    }

    #[test]
    fn what_is_none() {
        for wrong in [
            "",
            "a/#/b",
            "a#",
            "a/+b",
            "$share/g",
            "$share//a",
            "$share/+/a",
            "$share/g/",
        ] {
            assert!(wrong.parse::<TopicFilter>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn overlapping_filters_are_seen() {
        let overlap = |a: &str, b: &str| filter(a).overlaps(&filter(b));
        assert!(overlap("a/#", "a/b") && overlap("a/+", "+/b") && overlap("a/#", "a") && overlap("$share/g/a", "a"));
        assert!(!overlap("a/b", "a/c") && !overlap("a/+", "a/b/c") && !overlap("#", "$SYS/#"));
    }
}
