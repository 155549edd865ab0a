//! References: to a schema of the same document, or to the metaschema of a known draft. Nothing is fetched.

use serde_json::Value;

/// The target of a reference.
pub(crate) enum Target<'d> {
    /// A schema of the same document.
    Place { value: &'d Value, pointer: String },
    /// A schema of the same document, by its anchor.
    Anchor(String),
    /// A draft's metaschema.
    Metaschema,
}

const METASCHEMAS: [&str; 3] = [
    "http://json-schema.org/draft-07/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "https://json-schema.org/draft/2020-12/schema",
];

pub(crate) fn parse<'d>(document: &'d Value, reference: &str) -> Result<Target<'d>, String> {
    let (address, fragment) = reference.split_once('#').unwrap_or((reference, ""));
    let own = document
        .get("$id")
        .and_then(Value::as_str)
        .map(|id| id.trim_end_matches('#'));
    if !address.is_empty() && own != Some(address) {
        if fragment.is_empty() && METASCHEMAS.contains(&address) {
            return Ok(Target::Metaschema);
        }
        return Err(format!(
            "`{}` refers to another document, and none is ever fetched: put that schema under `$defs` (`definitions` in \
             draft 7) and refer to it as `#/$defs/name`",
            reference.chars().take(200).collect::<String>()
        ));
    }
    let fragment = percent_decoded(fragment).ok_or_else(|| {
        format!(
            "the reference `{}` is not percent-encoded UTF-8",
            reference.escape_debug()
        )
    })?;
    if !fragment.is_empty() && !fragment.starts_with('/') {
        return Ok(Target::Anchor(fragment));
    }
    let value = document.pointer(&fragment);
    let value = value.ok_or_else(|| format!("`#{fragment}` is referred to, but there is nothing at that place"))?;
    Ok(Target::Place {
        value,
        pointer: fragment,
    })
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let [high, low, ..] = tail else { return None };
            let digit = |byte: &u8| char::from(*byte).to_digit(16);
            bytes.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}
