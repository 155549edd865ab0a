//! One value of the file, with all that is needed to read it or to say what is wrong with it.

use std::path::PathBuf;

use toml::{Spanned, de::DeValue};

use crate::{
    Session, Span,
    environment::{ExpandError, expand},
};

/// A value where it stands.
pub struct ValueRef<'s> {
    /// The reading it belongs to.
    pub session: Session<'s>,
    /// The value.
    pub value: &'s DeValue<'s>,
    /// Where it stands.
    pub span: Span,
    /// How its key could be written, such as `port = 8080`.
    pub sample: String,
}

impl<'s> ValueRef<'s> {
    /// An item of this list.
    pub fn item(&self, index: usize, value: &'s Spanned<DeValue<'s>>) -> ValueRef<'s> {
        ValueRef {
            session: self.session,
            value: value.get_ref(),
            span: self.span.sibling(value.span(), format!("{}[{index}]", self.span.key)),
            sample: self.sample.clone(),
        }
    }

    /// A member of this table.
    pub fn member(&self, key: &str, value: &'s Spanned<DeValue<'s>>) -> ValueRef<'s> {
        ValueRef {
            session: self.session,
            value: value.get_ref(),
            span: self.span.sibling(value.span(), format!("{}.{key}", self.span.key)),
            sample: self.sample.clone(),
        }
    }

    /// The last part of the key's path, as the file has it, for messages.
    pub fn name(&self) -> String {
        self.session.name_of(&self.span)
    }

    /// Records what is wrong, with the key's sample as help.
    pub fn refuse<T>(&self, message: impl Into<String>) -> Option<T> {
        self.refuse_with(message, format!("write for example `{}`", self.sample))
    }

    /// Records what is wrong and what to write instead.
    pub fn refuse_with<T>(&self, message: impl Into<String>, help: impl Into<String>) -> Option<T> {
        self.session.error(&self.span, message, help);
        None
    }

    /// Records that the value is of the wrong type.
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
        self.refuse(format!("`{}` must be {what}, not {given}", self.name()))
    }

    /// The start of the string with its references as they are, for messages: what came from the environment is never
    /// repeated.
    pub fn written(&self) -> String {
        match self.value {
            DeValue::String(written) => written.replace("$${", "${").chars().take(64).collect(),
            _ => String::new(),
        }
    }

    /// The string, with `${NAME}` replaced.
    pub fn text(&self, what: &str) -> Option<String> {
        match self.value {
            DeValue::String(raw) => self.expand(raw).map(|(text, _)| text),
            _ => self.refuse_type(what),
        }
    }

    /// The same for what is taken as it is: see [`ValueRef::expand_lazily`].
    pub fn text_lazily(&self, what: &str) -> Option<String> {
        match self.value {
            DeValue::String(raw) => self.expand_lazily(raw).map(|(text, _)| text),
            _ => self.refuse_type(what),
        }
    }

    /// A string that refers to the environment stands for a number or a boolean too: `port = "${PORT}"`.
    pub fn reference(&self) -> Option<Option<String>> {
        match self.value {
            DeValue::String(raw) if raw.contains("${") => match self.expand(raw) {
                // It may only stand for the characters themselves.
                Some((_, false)) => None,
                expanded => Some(expanded.map(|(text, _)| text)),
            },
            _ => None,
        }
    }

    /// Replaces references; says whether there was one.
    pub fn expand(&self, raw: &str) -> Option<(String, bool)> {
        self.expanded(raw, false)
    }

    /// The same for what is taken as it is, whatever it says: a variable that is not set may be asked for later, and its
    /// reference stays.
    pub fn expand_lazily(&self, raw: &str) -> Option<(String, bool)> {
        self.expanded(raw, true)
    }

    fn expanded(&self, raw: &str, may_wait: bool) -> Option<(String, bool)> {
        match expand(raw, self.session.env()) {
            Ok(expanded) => Some((expanded.text, expanded.refers)),
            Err(ExpandError::Unset(name)) => {
                let message = format!(
                    "`{}` needs the environment variable `{name}`, which is not set",
                    self.name()
                );
                let help = format!("set {name} for this process, or give a default: `${{{name}:-value}}`");
                match may_wait && self.session.postpone(&self.span, &message, &help) {
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

    /// The path of a file that is there, from the pipeline file's directory.
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

    /// The text of a file, at most `bytes_max` bytes of UTF-8.
    pub fn file_text(&self, path: &std::path::Path, bytes_max: usize) -> Option<String> {
        match read_text(path, bytes_max) {
            Ok(text) => Some(text),
            Err(why) => self.refuse_file(path, &why),
        }
    }

    /// Records that a file cannot be read.
    pub fn refuse_file<T>(&self, path: &std::path::Path, why: &str) -> Option<T> {
        let name = self.name();
        self.refuse_with(
            format!("`{name}` names {}, which cannot be read: {why}", path.display()),
            "correct the file or the path; paths start from this file's directory",
        )
    }
}

/// Reads a file that is expected to be small; never more than `bytes_max` of it.
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

/// What some editors put before the first character of a file. It belongs to no format that is read here.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// As [`read_bytes`], of UTF-8.
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
