//! From the value of a key there to that of a key here.

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
    translation::{Told, Translation, last},
};

impl<'s> Translation<'s> {
    /// Takes over every key of a table that becomes one of the table that is made, whatever else there is.
    pub(super) fn take_over(&mut self, input: &Input<'s>, out: &mut Output<'s>) {
        for key in input.table.keys {
            match key.how {
                How::Apart | How::Nothing(..) => {}
                // Another table takes it, or none. It must be right all the same.
                _ if key.becomes.contains('.') => drop(self.value(input, key)),
                _ => self.take(input, key, out),
            }
        }
    }

    /// Takes over a key.
    pub(super) fn take(&mut self, input: &Input<'s>, key: &OldKey, out: &mut Output<'s>) {
        let place = input.place(key.names[0]);
        let path = out.path_of(key.leaf());
        self.names.rename(path.clone(), place.key.clone());
        if let Some(example) = key.example {
            self.names.set_sample(path.clone(), self.sample(key, &place, example));
        }
        match self.value(input, key) {
            Ok(Some(value)) => {
                let at = input.get(key.names[0]).map(|given| given.key.bytes);
                out.put(key.leaf(), at, &place, value);
            }
            Ok(None) => {}
            Err(Told) => self.names.mark_told(path),
        }
    }

    /// How a key could be given: in its variable where that holds.
    fn sample(&self, key: &OldKey, place: &Span, example: &str) -> String {
        match key.variable.filter(|variable| self.set(variable).is_some()) {
            Some(variable) => format!("{variable}={}", example.trim_matches('"')),
            None => format!("{} = {example}", last(&place.key)),
        }
    }

    /// What a key says here: its variable, its value or its default.
    pub(super) fn value(&mut self, input: &Input<'s>, key: &OldKey) -> Result<Option<DeValue<'s>>, Told> {
        let name = key.names[0];
        let place = input.place(name);
        let is_set = key.variable.is_some_and(|variable| self.set(variable).is_some());
        // A key that is left empty for its variable to fill says nothing.
        let given = input
            .get(name)
            .filter(|given| !is_set || given.value.as_str() != Some(""));
        let own = match (given, key.default) {
            (Some(given), _) => Some(self.converted(key, &place, given.value)?),
            (None, Some(default)) => Some(self.converted(key, &place, &toml(default))?),
            (None, None) => None,
        };
        match (own, key.variable) {
            (own, Some(variable)) if own.is_some() || is_set => Ok(self.overridden(variable, key, own, &place)),
            (Some(own), _) => Ok(Some(literal(&own))),
            (None, _) if key.is_required => {
                let message = format!("{} needs `{name}`", input.header());
                let help = format!("write for example `{name} = {}`", key.example.unwrap_or_default());
                self.session.error(&place, message, help);
                Err(Told)
            }
            (None, _) => Ok(None),
        }
    }

    fn converted(&self, key: &OldKey, place: &Span, value: &DeValue<'s>) -> Result<DeValue<'s>, Told> {
        let example = key.example.unwrap_or_default();
        let same = |is_right: bool| is_right.then(|| value.clone());
        let converted = match (&key.how, value) {
            (How::Path, DeValue::String(path)) => Some(DeValue::String(self.portable(path).into())),
            (How::Url, DeValue::String(url)) => Some(DeValue::String(self.portable_url(url).into())),
            (How::Text, _) => same(self.read_value(place, value, &Text, example).is_some()),
            (How::Secret, _) => same(self.is_secret(place, value, example)),
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
        converted.ok_or(Told)
    }

    /// Only the text of a secret was ever taken.
    fn is_secret(&self, place: &Span, value: &DeValue<'s>, example: &str) -> bool {
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
