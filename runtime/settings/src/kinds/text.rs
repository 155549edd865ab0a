//! Strings, and values that are written as strings.

use std::{fmt::Display, marker::PhantomData, str::FromStr};

use danube_wasm_model::connector_id;

use super::{super::ValueRef, Kind};
use crate::nearest;

/// Longest ordinary string, in bytes: far longer than any name or address, and still harmless in a log.
const TEXT_BYTES_MAX: usize = 4 << 10;

/// A string that is not empty and has no control characters.
pub struct Text;

impl Kind for Text {
    type Value = String;

    fn what(&self) -> String {
        "a string".to_owned()
    }

    fn show(&self, value: &String) -> String {
        quote(value)
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<String> {
        checked(input, input.text(&self.what())?)
    }
}

/// A string like [`Text`] that is needed only to sign in: a missing variable may be reported later.
pub struct Credential;

impl Kind for Credential {
    type Value = String;

    fn what(&self) -> String {
        Text.what()
    }

    fn show(&self, value: &String) -> String {
        Text.show(value)
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<String> {
        checked(input, input.text_lazily(&self.what())?)
    }
}

fn checked(input: &ValueRef<'_>, text: String) -> Option<String> {
    let name = input.name();
    if text.is_empty() {
        input.refuse(format!("`{name}` is empty"))
    } else if text.len() > TEXT_BYTES_MAX {
        input.refuse(format!("`{name}` is longer than {TEXT_BYTES_MAX} bytes"))
    } else if text.chars().any(char::is_control) {
        input.refuse(format!("`{name}` holds control characters"))
    } else {
        Some(text)
    }
}

/// A string that is parsed by a type, whose error is the message.
pub struct Parsed<T> {
    what: &'static str,
    kind: PhantomData<T>,
}

impl<T> Parsed<T> {
    /// Creates the kind; `what` follows "must be" in messages.
    pub fn new(what: &'static str) -> Self {
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

    fn read(&self, input: &ValueRef<'_>) -> Option<T> {
        let text = input.text(&self.what())?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => input.refuse(format!("`{}`: {error}", input.name())),
        }
    }
}

/// The name of a pipeline, connector or subscription.
pub struct Name(pub &'static str);

impl Kind for Name {
    type Value = String;

    fn what(&self) -> String {
        "a name of 1 to 64 of `a-z`, `A-Z`, `0-9`, `_`, `-`, `.`, beginning with a letter or digit".to_owned()
    }

    fn show(&self, value: &String) -> String {
        quote(value)
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<String> {
        let text = input.text("a string")?;
        match connector_id::check(self.0, &text) {
            Ok(()) => Some(text),
            Err(error) => input.refuse(error.to_string()),
        }
    }
}

/// One of several words.
pub struct Choice<T: 'static> {
    /// The words and their values.
    pub options: &'static [(&'static str, T)],
    /// Other accepted spellings.
    pub aliases: &'static [(&'static str, T)],
    /// Words that are recognised and refused, with the reason.
    pub refused: &'static [(&'static str, &'static str)],
}

impl<T> Choice<T> {
    /// A choice without aliases and refused words.
    pub const fn of(options: &'static [(&'static str, T)]) -> Self {
        Self {
            options,
            aliases: &[],
            refused: &[],
        }
    }
}

impl<T: Clone + PartialEq> Kind for Choice<T> {
    type Value = T;

    fn what(&self) -> String {
        one_of(self.options.iter().map(|(word, _)| *word))
    }

    fn show(&self, value: &T) -> String {
        let word = self.options.iter().find(|(_, option)| option == value);
        quote(word.map_or("", |(word, _)| word))
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<T> {
        let text = input.text(&self.what())?;
        let mut words = self.options.iter().chain(self.aliases);
        if let Some((_, value)) = words.find(|(word, _)| *word == text) {
            return Some(value.clone());
        }
        if let Some((word, why)) = self.refused.iter().find(|(word, _)| *word == text) {
            return input.refuse_with(format!("`{}` cannot be `{word}`: {why}", input.name()), self.help());
        }
        refuse_word(input, self.options.iter().map(|(word, _)| *word))
    }
}

impl<T: Clone + PartialEq> Choice<T> {
    fn help(&self) -> String {
        format!("write {}", self.what())
    }
}

/// One of several words, as text.
pub struct OneOfNames<'a>(pub &'a [(&'static str, &'static [&'static str])]);

impl Kind for OneOfNames<'_> {
    type Value = &'static str;

    fn what(&self) -> String {
        one_of(self.0.iter().map(|(name, _)| *name))
    }

    fn show(&self, value: &&'static str) -> String {
        quote(value)
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<&'static str> {
        let text = input.text(&self.what())?;
        let matches = |(name, aliases): &&(&'static str, &[&str])| *name == text || aliases.contains(&text.as_str());
        match self.0.iter().find(matches) {
            Some((name, _)) => Some(name),
            None => refuse_word(input, self.0.iter().map(|(name, _)| *name)),
        }
    }
}

fn refuse_word<T>(input: &ValueRef<'_>, words: impl Iterator<Item = &'static str> + Clone) -> Option<T> {
    let written = input.written();
    let what = one_of(words.clone());
    let message = format!("`{}` must be {what}, not {}", input.name(), quote(&written));
    let help = match (nearest::among(&written, words), input.key_of(&written)) {
        (Some(word), _) => format!("did you mean {}?", quote(word)),
        (None, Some(key)) => format!("write `{key}`"),
        (None, None) => format!("write {what}"),
    };
    input.refuse_with(message, help)
}

fn one_of(words: impl Iterator<Item = &'static str>) -> String {
    let words: Vec<_> = words.map(|word| format!("`\"{word}\"`")).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

/// Quotes a string as in TOML.
pub fn quote(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
