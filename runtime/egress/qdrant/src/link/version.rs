//! Versions of servers, and what they can do.

use std::{fmt, str::FromStr};

use crate::{config::ServerMin, fault::Fault};

/// A server's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Version {
    /// Before the server was asked.
    pub(super) const UNKNOWN: Self = Self::new(0, 0);

    const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor, patch: 0 }
    }

    /// Whether it knows inserts that leave a point alone which is there.
    pub(crate) fn inserts_only(self) -> bool {
        self >= Self::new(1, 17)
    }

    /// Whether it knows upserts that look at what is there.
    pub(crate) fn filters_upserts(self) -> bool {
        self >= Self::new(1, 16)
    }

    /// Refuses a server that is too old: it would ignore what it does not know.
    pub(crate) fn check(self, min: ServerMin, who: &str) -> Result<(), Fault> {
        let least = match min {
            ServerMin::V1_15 => Self::new(1, 15),
            ServerMin::V1_16 => Self::new(1, 16),
            ServerMin::V1_17 => Self::new(1, 17),
        };
        if self >= least {
            return Ok(());
        }
        let given_up = match self {
            old if old < Self::new(1, 15) => "it is not supported: upgrade it to 1.17 or later".to_owned(),
            old => format!(
                "{}: upgrade it to 1.17 or later, or write `server_min = \"1.{}\"` to do without",
                old.lacks(),
                old.minor
            ),
        };
        Err(Fault::Configuration(format!(
            "{who} is of version {self}, and {given_up}"
        )))
    }

    /// What is not kept on it.
    pub(crate) fn lacks(self) -> &'static str {
        match (self.filters_upserts(), self.inserts_only()) {
            (_, true) => "nothing is missing",
            (true, _) => "inserts overwrite the points that are there, and merges are not possible",
            (false, _) => {
                "inserts overwrite the points that are there, an older write overwrites a newer one, and merges are not possible"
            }
        }
    }
}

impl FromStr for Version {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.trim_start_matches('v');
        let numbers = text.split(['-', '+']).next().unwrap_or_default();
        let mut numbers = numbers.split('.').map(|number| number.parse().map_err(drop));
        let mut next = || numbers.next().unwrap_or(Err(()));
        let (major, minor) = (next()?, next()?);
        let patch = next().unwrap_or(0);
        Ok(Self { major, minor, patch })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().expect("a version")
    }

    #[test]
    fn versions_are_read_and_compared() {
        assert_eq!(version("1.17.0-dev").to_string(), "1.17.0");
        assert!(version("1.9.10") < version("1.16.0") && version("2.0") > version("1.99.9"));
        for text in ["", "1", "x.y.z", "1.x"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_old_server_is_refused_with_what_would_be_given_up() {
        assert_eq!(version("1.17.0").check(ServerMin::V1_17, "q"), Ok(()));
        assert_eq!(version("1.16.3").check(ServerMin::V1_16, "q"), Ok(()));
        for (text, expected) in [
            ("1.16.3", "server_min = \"1.16\""),
            ("1.15.1", "older write"),
            ("1.14.0", "not supported"),
        ] {
            let Err(Fault::Configuration(message)) = version(text).check(ServerMin::V1_17, "q") else {
                panic!("refused")
            };
            assert!(message.contains(expected), "{message}");
        }
        assert!(version("1.15.1").check(ServerMin::V1_16, "q").is_err());
    }
}
