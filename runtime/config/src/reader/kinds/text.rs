//! Strings and what is written as one.

use std::{fmt::Display, marker::PhantomData, str::FromStr};

use danube_wasm_model::connector_id;

use super::{super::Spot, Kind};
use crate::nearest;

/// Longest ordinary string, in bytes: far over any name or address, far under anything that hurts in a log.
const TEXT_BYTES_MAX: usize = 4 << 10;

/// A string that says something: not empty, no control characters.
pub(crate) struct Text;

impl Kind for Text {
    type Value = String;

    fn what(&self) -> String {
        "a string".to_owned()
    }

    fn show(&self, value: &String) -> String {
        quote(value)
    }

    fn read(&self, spot: &Spot<'_>) -> Option<String> {
        checked(spot, spot.text(&self.what())?)
    }
}

/// As [`Text`], for what is needed only to sign in, or to tell who does: its variable may be asked for later.
pub(crate) struct Credential;

impl Kind for Credential {
    type Value = String;

    fn what(&self) -> String {
        Text.what()
    }

    fn show(&self, value: &String) -> String {
        Text.show(value)
    }

    fn read(&self, spot: &Spot<'_>) -> Option<String> {
        checked(spot, spot.text_lazily(&self.what())?)
    }
}

fn checked(spot: &Spot<'_>, text: String) -> Option<String> {
    let name = spot.name();
    if text.is_empty() {
        spot.refuse(format!("`{name}` is empty"))
    } else if text.len() > TEXT_BYTES_MAX {
        spot.refuse(format!("`{name}` is longer than {TEXT_BYTES_MAX} bytes"))
    } else if text.chars().any(char::is_control) {
        spot.refuse(format!("`{name}` holds control characters"))
    } else {
        Some(text)
    }
}

/// A string that a type parses. The type's error is the message.
pub(crate) struct Parsed<T> {
    what: &'static str,
    kind: PhantomData<T>,
}

impl<T> Parsed<T> {
    /// `what` follows "must be".
    pub(crate) fn new(what: &'static str) -> Self {
        Self {
            what,
            kind: PhantomData,
        }
    }
}

impl<T: FromStr<Err: Display> + Display> Kind for Parsed<T> {
    type Value = T;

    fn what(&self) -> String {
        self.what.to_owned()
    }

    fn show(&self, value: &T) -> String {
        quote(&value.to_string())
    }

    fn read(&self, spot: &Spot<'_>) -> Option<T> {
        let text = spot.text(&self.what())?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => spot.refuse(format!("`{}`: {error}", spot.name())),
        }
    }
}

/// The name of a pipeline, connector or subscription.
pub(crate) struct Name(pub(crate) &'static str);

impl Kind for Name {
    type Value = String;

    fn what(&self) -> String {
        "a name of 1 to 64 of `a-z`, `A-Z`, `0-9`, `_`, `-`, `.`, beginning with a letter or digit".to_owned()
    }

    fn show(&self, value: &String) -> String {
        quote(value)
    }

    fn read(&self, spot: &Spot<'_>) -> Option<String> {
        let text = spot.text("a string")?;
        match connector_id::check(self.0, &text) {
            Ok(()) => Some(text),
            Err(error) => spot.refuse(error.to_string()),
        }
    }
}

/// One of a few words.
pub(crate) struct Choice<T: 'static> {
    /// The words and what they mean.
    pub(crate) options: &'static [(&'static str, T)],
    /// Other accepted spellings.
    pub(crate) aliases: &'static [(&'static str, T)],
    /// Words that are understood and refused, with the reason.
    pub(crate) refused: &'static [(&'static str, &'static str)],
}

impl<T> Choice<T> {
    /// These and no others.
    pub(crate) const fn of(options: &'static [(&'static str, T)]) -> Self {
        Self {
            options,
            aliases: &[],
            refused: &[],
        }
    }
}

impl<T: Copy + PartialEq> Kind for Choice<T> {
    type Value = T;

    fn what(&self) -> String {
        one_of(self.options.iter().map(|(word, _)| *word))
    }

    fn show(&self, value: &T) -> String {
        let word = self.options.iter().find(|(_, option)| option == value);
        quote(word.map_or("", |(word, _)| word))
    }

    fn read(&self, spot: &Spot<'_>) -> Option<T> {
        let text = spot.text(&self.what())?;
        let mut words = self.options.iter().chain(self.aliases);
        if let Some((_, value)) = words.find(|(word, _)| *word == text) {
            return Some(*value);
        }
        if let Some((word, why)) = self.refused.iter().find(|(word, _)| *word == text) {
            return spot.refuse_with(format!("`{}` cannot be `{word}`: {why}", spot.name()), self.help());
        }
        refuse_word(spot, self.options.iter().map(|(word, _)| *word))
    }
}

impl<T: Copy + PartialEq> Choice<T> {
    fn help(&self) -> String {
        format!("write {}", self.what())
    }
}

/// One of a few words, as it is.
pub(crate) struct OneOfNames<'a>(pub(crate) &'a [(&'static str, &'static [&'static str])]);

impl Kind for OneOfNames<'_> {
    type Value = &'static str;

    fn what(&self) -> String {
        one_of(self.0.iter().map(|(name, _)| *name))
    }

    fn show(&self, value: &&'static str) -> String {
        quote(value)
    }

    fn read(&self, spot: &Spot<'_>) -> Option<&'static str> {
        let text = spot.text(&self.what())?;
        let matches = |(name, aliases): &&(&'static str, &[&str])| *name == text || aliases.contains(&text.as_str());
        match self.0.iter().find(matches) {
            Some((name, _)) => Some(name),
            None => refuse_word(spot, self.0.iter().map(|(name, _)| *name)),
        }
    }
}

fn refuse_word<T>(spot: &Spot<'_>, words: impl Iterator<Item = &'static str> + Clone) -> Option<T> {
    let written = spot.written();
    let what = one_of(words.clone());
    let message = format!("`{}` must be {what}, not {}", spot.name(), quote(&written));
    match nearest::among(&written, words) {
        Some(word) => spot.refuse_with(message, format!("did you mean {}?", quote(word))),
        None => spot.refuse_with(message, format!("write {what}")),
    }
}

fn one_of(words: impl Iterator<Item = &'static str>) -> String {
    let words: Vec<_> = words.map(|word| format!("`\"{word}\"`")).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

/// As TOML writes a string.
pub(crate) fn quote(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
