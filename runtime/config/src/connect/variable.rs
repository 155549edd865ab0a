//! Environment variables that hold over a key: a reference, with what the file says as its default.

use danube_wasm_settings::Span;
use toml::de::DeValue;

use super::{
    keys::{How, OldKey},
    output::{literal, reference},
    translation::Translation,
};

impl<'s> Translation<'s> {
    /// What a variable says that holds over the file.
    pub(super) fn set(&self, variable: &str) -> Option<String> {
        let value = self.session.env().get(variable);
        value.filter(|value| !value.is_empty())
    }

    /// What the file says of a key, unless its variable says another.
    pub(super) fn overridden(
        &mut self,
        variable: &str,
        key: &OldKey,
        own: Option<DeValue<'s>>,
        place: &Span,
    ) -> Option<DeValue<'s>> {
        let is_set = self.set(variable).is_some();
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
            // It is wrong, whatever the variable says.
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

/// Whether it can stand between `:-` and `}`.
fn can_be_default(text: &str) -> bool {
    !text.contains('}') && !text.contains("${")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_ends_before_a_brace_and_refers_to_nothing() {
        for text in ["http://b:6650", "", "a$", "$$x", "a{b"] {
            assert!(can_be_default(text), "{text}");
        }
        for text in ["a}b", "${X}", "$${"] {
            assert!(!can_be_default(text), "{text}");
        }
    }
}
