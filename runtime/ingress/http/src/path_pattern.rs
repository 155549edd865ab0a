//! Paths of endpoints: fixed, or with parameters such as `/webhooks/{tenant}/orders`.

use std::{fmt, str::FromStr};

use danube_wasm_settings::values::UrlPath;
use percent_encoding::percent_decode_str;
use serde::{Serialize, Serializer};

/// A path, compared byte by byte. A part in braces stands for one part of any kind, but not for an empty one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern {
    text: String,
    /// Names of the parameters, each with its place among the parts of the path.
    parameters: Vec<(usize, String)>,
}

/// Why a text is no path of an endpoint: a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidPath(String);

impl PathPattern {
    /// The text, with its leading slash.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Names of its parameters.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parameters.iter().map(|(_, name)| name.as_str())
    }

    /// The same for each two patterns that no path tells apart.
    pub(crate) fn shape(&self) -> String {
        let part = |(place, part)| match self.parameters.iter().any(|(at, _)| *at == place) {
            true => "{}",
            false => part,
        };
        self.text.split('/').enumerate().map(part).collect::<Vec<_>>().join("/")
    }

    /// The parameters of a path that it matches, decoded. What is not UTF-8 becomes U+FFFD.
    pub(crate) fn parameters(&self, path: &str) -> impl Iterator<Item = (&str, String)> {
        let values = self.parameters.iter().filter_map(|(place, name)| {
            let value = path.split('/').nth(*place)?;
            Some((
                name.as_str(),
                percent_decode_str(value).decode_utf8_lossy().into_owned(),
            ))
        });
        // Mostly there are none.
        values.collect::<Vec<_>>().into_iter()
    }
}

impl FromStr for PathPattern {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        let mut parameters: Vec<(usize, String)> = Vec::new();
        let mut fixed = Vec::new();
        for (place, part) in text.split('/').enumerate() {
            let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
                fixed.push(part);
                continue;
            };
            check_name(name)?;
            if parameters.iter().any(|(_, other)| other == name) {
                return Err(InvalidPath(format!("the parameter `{{{name}}}` is there twice")));
            }
            parameters.push((place, name.to_owned()));
            fixed.push("x");
        }
        let fixed = fixed.join("/");
        if fixed.contains(['*', '{', '}']) || fixed.contains("/:") {
            return Err(InvalidPath(
                "a path is matched as it is, but for parts in braces: write `/webhooks/{tenant}/orders`, not `/*`, `/:tenant` or \
                 `/x{tenant}`"
                    .to_owned(),
            ));
        }
        fixed
            .parse::<UrlPath>()
            .map_err(|error| InvalidPath(error.to_string()))?;
        Ok(Self {
            text: text.to_owned(),
            parameters,
        })
    }
}

fn check_name(name: &str) -> Result<(), InvalidPath> {
    let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    match (1..=64).contains(&name.len()) && name.bytes().all(is_legal) {
        true => Ok(()),
        false => Err(InvalidPath(format!(
            "`{{{name}}}` is no parameter: its name has 1 to 64 of `a-z`, `0-9` and `_`, as in `/webhooks/{{tenant}}/orders`"
        ))),
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for PathPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> PathPattern {
        text.parse().expect("a path")
    }

    #[test]
    fn parameters_are_decoded() {
        let found: Vec<_> = pattern("/webhooks/{tenant}/{what_2}")
            .parameters("/webhooks/a%20b/x")
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(found, ["tenant=a b", "what_2=x"]);
        assert_eq!(pattern("/fixed").parameters("/fixed").count(), 0);
        assert_eq!(pattern("/a/{b}/c").shape(), pattern("/a/{x}/c").shape());
        assert_ne!(pattern("/a/{b}/c").shape(), pattern("/a/b/c").shape());
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for wrong in [
            "a", "/{}", "/{A}", "/a{b}", "/{b}c", "/*", "/:id", "/{a}/{a}", "/a b/{c}", "/../{c}",
        ] {
            wrong.parse::<PathPattern>().expect_err(wrong);
        }
    }
}
