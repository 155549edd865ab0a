//! Environment variables that override a key: they become references with the file's value as default.

use danube_wasm_settings::Span;
use toml::de::DeValue;

use super::{
    keys::{How, OldKey},
    output::{literal, reference},
    translation::Translation,
};

impl<'s> Translation<'s> {
    /// Returns the value of a variable, if it is set and not empty.
    pub(super) fn env_value(&self, variable: &str) -> Option<String> {
        let value = self.session.env().get(variable);
        value.filter(|value| !value.is_empty())
    }

    /// Returns a reference to the variable with the file's value as default.
    pub(super) fn with_override(
        &mut self,
        variable: &str,
        key: &OldKey,
        own: Option<DeValue<'s>>,
        place: &Span,
    ) -> Option<DeValue<'s>> {
        let is_set = self.env_value(variable).is_some();
        let Some(own) = own else {
            return is_set.then(|| reference(format!("${{{variable}}}")));
        };
        let text = match (&own, &key.how) {
            (DeValue::String(text), _) => Some(text.to_string()),
            (DeValue::Integer(number), How::Integer(_)) => {
                let number = u32::from_str_radix(number.as_str(), number.radix());
                number.ok().map(|number| number.to_string())
            }
            (DeValue::Array(_), _) => None,
            // The value has a wrong type, with or without the variable.
            _ => return Some(literal(&own)),
        };
        match text.filter(|text| can_be_default(text)) {
            Some(text) => Some(reference(format!("${{{variable}:-{text}}}"))),
            None if is_set => Some(reference(format!("${{{variable}}}"))),
            None => {
                let text = format!(
                    "`{}` holds text that cannot be the default of a variable: here {variable} does not hold over it",
                    key.names[0]
                );
                self.notes.push((place.clone(), text));
                Some(literal(&own))
            }
        }
    }
}

/// Whether the text can be written between `:-` and `}`.
fn can_be_default(text: &str) -> bool {
    !text.contains('}') && !text.contains("${")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_has_no_brace_and_no_reference() {
        for text in ["http://b:6650", "", "a$", "$$x", "a{b"] {
            assert!(can_be_default(text), "{text}");
        }
        for text in ["a}b", "${X}", "$${"] {
            assert!(!can_be_default(text), "{text}");
        }
    }
}
