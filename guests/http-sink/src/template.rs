//! Bodies made of parts of a message.
//!
//! A template is a table. A text in it may hold JSON pointers into the message, in braces:
//!
//! * `"{/amount}"`, alone, is the value that it points at, as it was written: a number keeps its digits, an object stays one;
//! * `"Order {/id} of {/customer/name}"` is a text: strings are put in without quotes, everything else as JSON;
//! * `{}` is the whole message, `{{` and `}}` stand for braces.

use std::borrow::Cow;

use danube_connector::{Error, Pointer, Result, Scalar};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A body, with places for parts of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Template(Node);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    /// JSON text.
    Fixed(String),
    /// A value of the message.
    Value(Pointer),
    /// A text with values of the message in it.
    Text(Vec<Part>),
    List(Vec<Self>),
    /// Names in JSON, with their quotes.
    Object(Vec<(String, Self)>),
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Fixed(String),
    Value(Pointer),
}

impl Template {
    /// Of a table; [`Error::Configuration`] if a text in it has braces with anything else than a pointer in them.
    pub fn try_new(table: Value) -> Result<Self> {
        Node::of(table).map(Self)
    }

    /// JSON text, made of a message. [`Error::InvalidData`] if that is not JSON or has nothing where a pointer leads.
    pub fn fill(&self, message: &[u8]) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(256);
        self.0.write(message, &mut out)?;
        Ok(out)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_new(Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Node {
    fn of(value: Value) -> Result<Self> {
        Ok(match value {
            Value::String(text) => match parts(&text)?.as_slice() {
                [Part::Value(pointer)] => Self::Value(pointer.clone()),
                [] => Self::Fixed("\"\"".to_owned()),
                [Part::Fixed(text)] => Self::Fixed(quoted(text)?),
                several => Self::Text(several.to_vec()),
            },
            Value::Array(items) => Self::List(items.into_iter().map(Self::of).collect::<Result<_>>()?),
            Value::Object(fields) => {
                let field = |(name, value): (String, _)| Ok((quoted(&name)?, Self::of(value)?));
                Self::Object(fields.into_iter().map(field).collect::<Result<_>>()?)
            }
            fixed => Self::Fixed(fixed.to_string()),
        })
    }

    fn write(&self, message: &[u8], out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Fixed(json) => out.extend_from_slice(json.as_bytes()),
            Self::Value(pointer) => out.extend_from_slice(found(pointer, message, Pointer::find_text)?.as_bytes()),
            Self::Text(parts) => {
                let text: String = parts.iter().map(|part| part.text(message)).collect::<Result<_>>()?;
                serde_json::to_writer(out, &text)?;
            }
            Self::List(items) => {
                out.push(b'[');
                for (place, item) in items.iter().enumerate() {
                    out.extend_from_slice(if place == 0 { b"" } else { b"," });
                    item.write(message, out)?;
                }
                out.push(b']');
            }
            Self::Object(fields) => {
                out.push(b'{');
                for (place, (name, value)) in fields.iter().enumerate() {
                    out.extend_from_slice(if place == 0 { b"" } else { b"," });
                    out.extend_from_slice(name.as_bytes());
                    out.push(b':');
                    value.write(message, out)?;
                }
                out.push(b'}');
            }
        }
        Ok(())
    }
}

impl Part {
    fn text<'a>(&'a self, message: &'a [u8]) -> Result<Cow<'a, str>> {
        let pointer = match self {
            Self::Fixed(text) => return Ok(text.into()),
            Self::Value(pointer) => pointer,
        };
        Ok(match found(pointer, message, Pointer::find)? {
            Scalar::String(text) => text,
            Scalar::Number(number) => number.into(),
            Scalar::Other(_) => found(pointer, message, Pointer::find_text)?.into(),
        })
    }
}

/// What a message must have.
fn found<'a, T>(pointer: &Pointer, message: &'a [u8], find: fn(&Pointer, &'a [u8]) -> Result<Option<T>>) -> Result<T> {
    let what = |what: String| Error::invalid_data(format!("`body` `{{{pointer}}}`: {what}"));
    match find(pointer, message) {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err(what("the message has nothing there".to_owned())),
        Err(error) => Err(what(format!("the message is not JSON: {error}"))),
    }
}

fn quoted(text: &str) -> Result<String> {
    Ok(serde_json::to_string(text)?)
}

/// A text, cut at its pointers.
fn parts(text: &str) -> Result<Vec<Part>> {
    let wrong = || {
        Error::configuration(format!(
            "`body` `{text}`: braces hold a JSON pointer, as in `{{/customer/id}}`; write `{{{{` for a brace"
        ))
    };
    let (mut parts, mut fixed, mut rest) = (Vec::new(), String::new(), text);
    while let Some(at) = rest.find(['{', '}']) {
        fixed.push_str(&rest[..at]);
        let (brace, after) = rest[at..].split_at(1);
        if let Some(after) = after.strip_prefix(brace) {
            fixed.push_str(brace);
            rest = after;
            continue;
        }
        let (pointer, after) = after.split_once('}').filter(|_| brace == "{").ok_or_else(wrong)?;
        if !fixed.is_empty() {
            parts.push(Part::Fixed(std::mem::take(&mut fixed)));
        }
        parts.push(Part::Value(Pointer::try_new(pointer).map_err(|_| wrong())?));
        rest = after;
    }
    fixed.push_str(rest);
    if !fixed.is_empty() {
        parts.push(Part::Fixed(fixed));
    }
    Ok(parts)
}
