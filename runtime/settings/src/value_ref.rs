//! A value of the file, with everything needed to read it or to report an error.

use std::path::PathBuf;

use toml::{Spanned, de::DeValue};

use danube_wasm_codes::Code;

use crate::{
    Session, Span,
    environment::{ExpandError, expand},
    kinds::quote,
    page,
};

/// A value and its place in the file.
pub struct ValueRef<'s> {
    /// The session that reads it.
    pub session: Session<'s>,
    /// The value.
    pub value: &'s DeValue<'s>,
    /// Its place.
    pub span: Span,
    /// How its key could be written, such as `port = 8080`.
    pub sample: String,
}

impl<'s> ValueRef<'s> {
    /// Returns an item of this list.
    pub fn item(&self, index: usize, value: &'s Spanned<DeValue<'s>>) -> ValueRef<'s> {
        ValueRef {
            session: self.session,
            value: value.get_ref(),
            span: self.span.sibling(value.span(), format!("{}[{index}]", self.span.key)),
            sample: self.sample.clone(),
        }
    }

    /// Returns a member of this table.
    pub fn member(&self, key: &str, value: &'s Spanned<DeValue<'s>>) -> ValueRef<'s> {
        ValueRef {
            session: self.session,
            value: value.get_ref(),
            span: self.span.sibling(value.span(), format!("{}.{key}", self.span.key)),
            sample: self.sample.clone(),
        }
    }

    /// Returns the last part of the key's path in the file's own names, for messages.
    pub fn name(&self) -> String {
        self.session.name_of(&self.span)
    }

    /// How another key of the same table is set to this word, such as `type = "signature", preset = "github"`.
    pub(crate) fn key_of(&self, word: &str) -> Option<String> {
        let table = self.span.key.rsplit_once('.').map_or("", |(table, _)| table);
        let path: String = table
            .split('[')
            .map(|part| part.split_once(']').map_or(part, |(_, rest)| rest))
            .collect();
        let name = self.name();
        let mut keys = page::keys_with_value(self.session.pages(), word)
            .filter(|(table, field)| table.path == path && !field.has_name(&name));
        let (_, field) = keys.next()?;
        let set = format!("{} = {}", field.key, quote(word));
        Some(match &field.when {
            Some(variant) => format!("{variant}, {set}"),
            None => set,
        })
    }

    /// Records an error, with the key's sample as help.
    pub fn refuse<T>(&self, message: impl Into<String>) -> Option<T> {
        self.refuse_with(message, format!("write for example `{}`", self.sample))
    }

    /// Records an error and what to write instead.
    pub fn refuse_with<T>(&self, message: impl Into<String>, help: impl Into<String>) -> Option<T> {
        self.refuse_as(Code::InvalidValue, message, help)
    }

    fn refuse_as<T>(&self, code: Code, message: impl Into<String>, help: impl Into<String>) -> Option<T> {
        self.session.coded(code, &self.span, message, help);
        None
    }

    /// Records that the value has the wrong type.
    pub fn refuse_type<T>(&self, what: &str) -> Option<T> {
        let given = match self.value {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a decimal number",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let message = format!("`{}` must be {what}, not {given}", self.name());
        self.refuse_as(Code::WrongType, message, format!("write for example `{}`", self.sample))
    }

    /// Returns the start of the string with its references, for messages: values from the environment are never
    /// repeated.
    pub fn written(&self) -> String {
        match self.value {
            DeValue::String(written) => written.replace("$${", "${").chars().take(64).collect(),
            _ => String::new(),
        }
    }

    /// Returns the string with references replaced.
    pub fn text(&self, what: &str) -> Option<String> {
        match self.value {
            DeValue::String(raw) => self.expand(raw).map(|(text, _)| text),
            _ => self.refuse_type(what),
        }
    }

    /// Returns the string with references replaced; missing variables may be postponed: see
    /// [`ValueRef::expand_lazily`].
    pub fn text_lazily(&self, what: &str) -> Option<String> {
        match self.value {
            DeValue::String(raw) => self.expand_lazily(raw).map(|(text, _)| text),
            _ => self.refuse_type(what),
        }
    }

    /// Returns the text of a string with references, which may stand for a number or boolean: `port = "${PORT}"`.
    /// `None` if there is no reference.
    pub fn reference(&self) -> Option<Option<String>> {
        match self.value {
            DeValue::String(raw) if raw.contains("${") => match self.expand(raw) {
                // An escaped `${` is not a reference.
                Some((_, false)) => None,
                expanded => Some(expanded.map(|(text, _)| text)),
            },
            _ => None,
        }
    }

    /// Replaces references. The second value is whether there was one.
    pub fn expand(&self, raw: &str) -> Option<(String, bool)> {
        self.expanded(raw, false)
    }

    /// Replaces references in a text that may have any content: the error about a missing variable may be postponed,
    /// and then its reference stays.
    pub fn expand_lazily(&self, raw: &str) -> Option<(String, bool)> {
        self.expanded(raw, true)
    }

    fn expanded(&self, raw: &str, may_postpone: bool) -> Option<(String, bool)> {
        match expand(raw, self.session.env()) {
            Ok(expanded) => Some((expanded.text, expanded.refers)),
            Err(ExpandError::Unset(name)) => {
                let message = format!(
                    "`{}` needs the environment variable `{name}`, which is not set",
                    self.name()
                );
                let help = format!("set {name} for this process, or give a default: `${{{name}:-value}}`");
                match may_postpone && self.session.postpone(&self.span, &message, &help) {
                    true => Some((raw.to_owned(), true)),
                    false => self.refuse_with(message, help),
                }
            }
            Err(ExpandError::Malformed(what)) => self.refuse_with(
                format!(
                    "`{what}` in `{}` is no reference to an environment variable",
                    self.name()
                ),
                "write `${NAME}` or `${NAME:-default}`; for the characters themselves write `$${`",
            ),
        }
    }

    /// Returns the path of an existing file, resolved against the pipeline file's directory.
    pub fn existing_file(&self, written: &str) -> Option<PathBuf> {
        let path = self.session.resolve(written);
        let name = self.name();
        match std::fs::metadata(&path) {
            Ok(found) if found.is_file() => Some(path),
            Ok(_) => self.refuse_with(
                format!("`{name}` names {}, which is not a file", path.display()),
                "name a file; paths start from this file's directory",
            ),
            Err(error) => self.refuse_with(
                format!("`{name}` names {}, which cannot be opened: {error}", path.display()),
                "create the file or correct the path; paths start from this file's directory",
            ),
        }
    }

    /// Returns the text of a file: UTF-8 of at most `bytes_max` bytes.
    pub fn file_text(&self, path: &std::path::Path, bytes_max: usize) -> Option<String> {
        match read_text(path, bytes_max) {
            Ok(text) => Some(text),
            Err(why) => self.refuse_file(path, &why),
        }
    }

    /// Records that a file cannot be read.
    pub fn refuse_file<T>(&self, path: &std::path::Path, why: &str) -> Option<T> {
        let name = self.name();
        self.refuse_as(
            Code::UnreadableFile,
            format!("`{name}` names {}, which cannot be read: {why}", path.display()),
            "correct the file or the path; paths start from this file's directory",
        )
    }
}

/// Reads a file that is expected to be small; never more than `bytes_max` bytes of it.
fn read_bytes(path: &std::path::Path, bytes_max: usize) -> Result<Vec<u8>, String> {
    use std::io::Read;

    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() > bytes_max {
        return Err(format!("it is larger than {bytes_max} bytes"));
    }
    Ok(bytes)
}

/// Some editors write this before the first character of a file. No format that is read here contains it.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a file like [`read_bytes`], as UTF-8.
pub fn read_text(path: &std::path::Path, bytes_max: usize) -> Result<String, String> {
    let mut bytes = read_bytes(path, bytes_max)?;
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1;
        format!("line {line} is not UTF-8")
    })
}
