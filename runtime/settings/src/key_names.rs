//! A file's own names for its keys, if the file was translated to another format before it was read.

use std::collections::{BTreeMap, BTreeSet};

/// A file's own names for its keys, if the file was translated to another format before it was read.
///
/// Diagnostics name keys as the file does. A key without an entry here gets the original name of the table that
/// contains it: if `sources[0].webhook` is called `server`, `sources[0].webhook.port` is `server.port`.
#[derive(Debug, Default)]
pub struct KeyNames {
    original: BTreeMap<String, String>,
    samples: BTreeMap<String, String>,
    reported: BTreeSet<String>,
}

impl KeyNames {
    /// Adds the name `original` in the file for the key or table `key`. Both are dotted paths.
    pub fn rename(&mut self, key: String, original: String) {
        self.original.insert(key, original);
    }

    /// Sets how the key could be written in the file, such as `port = 8080`, for help.
    pub fn set_sample(&mut self, key: String, sample: String) {
        self.samples.insert(key, sample);
    }

    /// Suppresses errors about this key, because its mistake has been reported.
    pub fn mark_reported(&mut self, key: String) {
        self.reported.insert(key);
    }

    /// Returns the file's name for a key.
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

    /// Returns how the key could be written in the file, if that was set.
    pub(crate) fn sample(&self, key: &str) -> Option<&str> {
        self.samples.get(key).map(String::as_str)
    }

    /// Whether the mistake of a key has been reported.
    pub(crate) fn is_reported(&self, key: &str) -> bool {
        self.reported.contains(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_gets_its_own_name_or_that_of_its_table() {
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
