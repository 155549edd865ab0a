//! Secrets: from the environment, from a file, or (with a warning) in the pipeline file.

use std::path::PathBuf;

use toml::de::{DeTable, DeValue};

use super::{
    super::{ValueRef, read_text},
    Kind,
};
use crate::secret::{Secret, SecretSource};

/// A secret as a string, or `{ file = "path" }`.
pub struct SecretText;

const HELP: &str = "write `\"${NAME}\"` for an environment variable or `{ file = \"path\" }` for a file";

/// A name with `$` and no braces is meant as a variable. It is not repeated: it may be a secret all the same.
fn help_for_written(text: &str) -> &'static str {
    let is_of_name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    match text.strip_prefix('$') {
        Some(name) if !name.is_empty() && name.bytes().all(is_of_name) => {
            "a variable is written in braces, `\"${NAME}\"`"
        }
        _ => HELP,
    }
}

impl Kind for SecretText {
    type Value = Secret;

    fn what(&self) -> String {
        "a secret: `\"${NAME}\"` or `{ file = \"path\" }`".to_owned()
    }

    fn show(&self, _: &Secret) -> String {
        "\"***\"".to_owned()
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<Secret> {
        let text = match input.value {
            DeValue::String(written) => {
                let (text, refers) = input.expand_lazily(written)?;
                if !refers {
                    let message = format!("`{}` is a secret written in the file", input.name());
                    input.session.warning(&input.span, message, help_for_written(&text));
                }
                text
            }
            DeValue::Table(entries) => from_file(input, entries)?.1,
            _ => return input.refuse_type(&self.what()),
        };
        checked(input, text)
    }
}

/// A secret like [`SecretText`] that can be read again: for a file, the path is kept.
pub struct SecretSourceKind;

impl Kind for SecretSourceKind {
    type Value = SecretSource;

    fn what(&self) -> String {
        SecretText.what()
    }

    fn show(&self, _: &SecretSource) -> String {
        "\"***\"".to_owned()
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<SecretSource> {
        let DeValue::Table(entries) = input.value else {
            return SecretText.read(input).map(SecretSource::Text);
        };
        let (path, text) = from_file(input, entries)?;
        checked(input, text).map(|_| SecretSource::File(path))
    }
}

/// Returns the text as a secret, if it is valid.
pub fn checked(input: &ValueRef<'_>, text: String) -> Option<Secret> {
    if text.is_empty() {
        let message = format!(
            "the secret `{}` is empty: what it names has nothing in it",
            input.name()
        );
        return input.refuse_with(message, "set the environment variable, or fill the file");
    }
    if text.ends_with(['\r', '\n']) {
        let message = format!(
            "the secret `{}` ends with a line break, which its sender does not have",
            input.name()
        );
        return input.refuse_with(message, "remove the line break from the variable");
    }
    if text.len() > Secret::BYTES_MAX {
        let message = format!(
            "the secret `{}` is longer than {} bytes",
            input.name(),
            Secret::BYTES_MAX
        );
        return input.refuse_with(message, HELP);
    }
    if text.trim() != text || text.starts_with('\u{feff}') {
        let message = format!(
            "the secret `{}` begins or ends with a blank or a byte order mark, which its sender hardly has",
            input.name()
        );
        let help = "remove it from the variable or the file, unless it belongs to the secret";
        input.session.warning(&input.span, message, help);
    }
    Some(Secret::new(text))
}

/// Returns the file and its text without newlines at its end, which editors and `echo` add.
fn from_file(input: &ValueRef<'_>, entries: &DeTable<'_>) -> Option<(PathBuf, String)> {
    let (Some(value), 1) = (entries.get("file"), entries.len()) else {
        let message = format!("`{}` as a table has one key, `file`", input.name());
        return input.refuse_with(message, HELP);
    };
    let DeValue::String(written) = value.get_ref() else {
        return input.refuse_with(format!("`file` of `{}` must be a path", input.name()), HELP);
    };
    let (written, _) = input.expand_lazily(written)?;
    let path = input.session.resolve(&written);
    if let Err(why) = read_text(&path, Secret::BYTES_MAX) {
        let message = format!(
            "`{}` names {}, which cannot be read: {why}",
            input.name(),
            path.display()
        );
        if input.session.postpone(&input.span, &message, HELP) {
            return Some((path, written));
        }
    }
    let path = input.existing_file(&written)?;
    let text = input.file_text(&path, Secret::BYTES_MAX)?;
    let text = text.trim_end_matches(['\r', '\n']).to_owned();
    Some((path, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_without_braces_is_understood_and_not_repeated() {
        assert!(help_for_written("$GITHUB_SECRET").contains("in braces"));
        assert!(!help_for_written("$GITHUB_SECRET").contains("GITHUB"));
        for text in ["$", "$ecret", "GITHUB_SECRET", ""] {
            assert_eq!(help_for_written(text), HELP, "{text}");
        }
    }
}
