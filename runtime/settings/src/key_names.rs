//! How the keys of a file are called in it that was put in other words before it was read.

use std::collections::{BTreeMap, BTreeSet};

/// How the keys of a file are called in it that was put in other words before it was read.
///
/// Messages name keys as their file has them. A key that has no name of its own here is in the table of that name that
/// it is in: where `sources[0].webhook` is called `server`, `sources[0].webhook.port` is `server.port`.
#[derive(Debug, Default)]
pub struct KeyNames {
    original: BTreeMap<String, String>,
    samples: BTreeMap<String, String>,
    reported: BTreeSet<String>,
}

impl KeyNames {
    /// The key or table that is read as `key` is called `original` in the file. Both are dotted paths.
    pub fn rename(&mut self, key: String, original: String) {
        self.original.insert(key, original);
    }

    /// How the value of this key could be written in the file instead of one that is wrong, such as `port = 8080`.
    pub fn set_sample(&mut self, key: String, sample: String) {
        self.samples.insert(key, sample);
    }

    /// What is wrong with this key has been said: errors about it are not recorded.
    pub fn mark_reported(&mut self, key: String) {
        self.reported.insert(key);
    }

    /// What a key is called in the file.
    pub(crate) fn original(&self, key: &str) -> String {
        let mut end = key.len();
        loop {
            if let Some(original) = self.original.get(&key[..end]) {
                let name = format!("{original}{}", &key[end..]);
                return name.trim_start_matches('.').to_owned();
            }
            match key[..end].rfind(['.', '[']) {
                Some(shorter) => end = shorter,
                None => return key.to_owned(),
            }
        }
    }

    /// How the value of a key could be written in the file, where that was said.
    pub(crate) fn sample(&self, key: &str) -> Option<&str> {
        self.samples.get(key).map(String::as_str)
    }

    /// Whether what is wrong with a key has been said.
    pub(crate) fn is_told(&self, key: &str) -> bool {
        self.reported.contains(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_called_as_it_is_or_as_its_table_says() {
        let mut names = KeyNames::default();
        for (key, original) in [
            ("sources[0]", ""),
            ("sources[0].webhook", "server"),
            ("sources[0].webhook.endpoints[1]", "routes[0]"),
            ("sources[0].webhook.endpoints[1].path", "routes[0].from"),
        ] {
            names.rename(key.to_owned(), original.to_owned());
        }
        for (key, original) in [
            ("sources[0].name", "name"),
            ("sources[0].webhook.port", "server.port"),
            ("sources[0].webhook.endpoints[0].path", "server.endpoints[0].path"),
            ("sources[0].webhook.endpoints[1].path", "routes[0].from"),
            ("sources[0].webhook.endpoints[1].methods[2]", "routes[0].methods[2]"),
            ("sources[0].webhook.endpoints[10]", "server.endpoints[10]"),
            ("sources[1]", "sources[1]"),
            ("", ""),
        ] {
            assert_eq!(names.original(key), original, "{key}");
        }
    }
}
