//! Converts the keys of a table to the keys of the pipeline document.

use danube_wasm_settings::{
    Span,
    kinds::{Integer, Kind, SecretText, Text},
};
use toml::de::DeValue;

use super::{
    input::Input,
    keys::{How, OldKey, SECS_MAX},
    millis::millis,
    output::{Output, literal, toml},
    translation::{Reported, Translation, last},
};

impl<'s> Translation<'s> {
    /// Converts all keys of a table that become keys of the table `out`.
    pub(super) fn convert_keys(&mut self, input: &Input<'s>, out: &mut Output<'s>) {
        for key in input.table.keys {
            match key.how {
                How::Separate | How::Ignored(..) => {}
                // The key goes to another table, is part of another key, or goes nowhere, but it must be valid.
                _ if key.becomes.is_empty() || key.becomes.contains('.') => drop(self.effective_value(input, key)),
                _ => self.convert_key(input, key, out),
            }
        }
    }

    /// Converts one key.
    pub(super) fn convert_key(&mut self, input: &Input<'s>, key: &OldKey, out: &mut Output<'s>) {
        let place = input.value_span(key.names[0]);
        let path = out.path_of(key.leaf());
        self.names.rename(path.clone(), place.key.clone());
        if let Some(example) = key.example {
            self.names
                .set_sample(path.clone(), self.example_text(key, &place, example));
        }
        match self.effective_value(input, key) {
            Ok(Some(value)) => {
                let at = input.get(key.names[0]).map(|given| given.key.bytes);
                out.put(key.leaf(), at, &place, value);
            }
            Ok(None) => {}
            Err(Reported) => self.names.mark_reported(path),
        }
    }

    /// Returns an example of the key, or of its variable if the variable overrides it.
    fn example_text(&self, key: &OldKey, place: &Span, example: &str) -> String {
        match key.variable.filter(|variable| self.env_value(variable).is_some()) {
            Some(variable) => format!("{variable}={}", example.trim_matches('"')),
            None => format!("{} = {example}", last(&place.key)),
        }
    }

    /// Returns the key's value: its variable, its value in the file, or its default.
    pub(super) fn effective_value(&mut self, input: &Input<'s>, key: &OldKey) -> Result<Option<DeValue<'s>>, Reported> {
        let name = key.names[0];
        let place = input.value_span(name);
        let is_set = key.variable.is_some_and(|variable| self.env_value(variable).is_some());
        // An empty value whose variable is set counts as not given.
        let given = input
            .get(name)
            .filter(|given| !is_set || given.value.as_str() != Some(""));
        let own = match (given, key.default) {
            (Some(given), _) => Some(self.convert_value(key, &place, given.value)?),
            (None, Some(default)) => Some(self.convert_value(key, &place, &toml(default))?),
            (None, None) => None,
        };
        match (own, key.variable) {
            (own, Some(variable)) if own.is_some() || is_set => Ok(self.with_override(variable, key, own, &place)),
            (Some(own), _) => Ok(Some(literal(&own))),
            (None, _) if key.is_required => {
                let message = format!("{} needs `{name}`", input.header());
                let help = format!("write for example `{name} = {}`", key.example.unwrap_or_default());
                self.session.error(&place, message, help);
                Err(Reported)
            }
            (None, _) => Ok(None),
        }
    }

    fn convert_value(&self, key: &OldKey, place: &Span, value: &DeValue<'s>) -> Result<DeValue<'s>, Reported> {
        let example = key.example.unwrap_or_default();
        let same = |is_right: bool| is_right.then(|| value.clone());
        let converted = match (&key.how, value) {
            (How::Path, DeValue::String(path)) => Some(DeValue::String(self.portable(path).into())),
            (How::Url, DeValue::String(url)) => Some(DeValue::String(self.portable_url(url).into())),
            (How::Text, _) => same(self.read_value(place, value, &Text, example).is_some()),
            (How::Secret, _) => same(self.check_secret(place, value, example)),
            (How::Integer(range), _) => same(
                self.read_value(place, value, &Integer(range.clone()), example)
                    .is_some(),
            ),
            (How::Secs, _) => {
                let secs = self.read_value(place, value, &Integer(1..=SECS_MAX), example);
                secs.and_then(millis)
            }
            _ => same(true),
        };
        converted.ok_or(Reported)
    }

    /// Whether the value is text, the only form of a secret. Warns about secrets in the file.
    fn check_secret(&self, place: &Span, value: &DeValue<'s>, example: &str) -> bool {
        let is_text = value.is_str();
        if is_text {
            let message = format!("`{}` is a secret written in the file", last(&place.key));
            let help = "give it in its environment variable, which overrides the file";
            self.session.warning(place, message, help);
        } else {
            let input = self.value_ref(place, value, example);
            input.refuse_type::<()>(&SecretText.what());
        }
        is_text
    }
}
