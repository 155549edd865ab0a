//! `{sorted_form}`: the fields of a form, sorted by name, each name followed by its value.
//!
//! A form is parsed here before its signature is right, so the number of its fields is bounded, and nothing else sees them.

use std::collections::BTreeSet;

use url::form_urlencoded;

use crate::limits::SIGNED_FORM_FIELDS_MAX;

/// Names and values without separators; a value that is there twice counts once. `None` if there are too many fields.
pub(super) fn sorted(body: &[u8]) -> Option<Vec<u8>> {
    let mut fields = BTreeSet::new();
    for (n, field) in form_urlencoded::parse(body).enumerate() {
        if n == SIGNED_FORM_FIELDS_MAX {
            return None;
        }
        fields.insert(field);
    }
    let mut text = Vec::with_capacity(body.len());
    for (name, value) in fields {
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(value.as_bytes());
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_sorted_decoded_and_bounded() {
        assert_eq!(sorted(b"b=2&a=1%2B1&b=1&b=2&c=").expect("few"), b"a1+1b1b2c");
        assert_eq!(sorted(b"").expect("none"), b"");
        let many = "a=1&".repeat(SIGNED_FORM_FIELDS_MAX);
        assert!(sorted(many.as_bytes()).is_some() && sorted(format!("{many}a=1").as_bytes()).is_none());
    }
}
