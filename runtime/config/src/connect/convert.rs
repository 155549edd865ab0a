//! From the value of a key there to that of a key here.

use std::{path::Path, sync::LazyLock};

use danube_wasm_settings::{
    Span,
    kinds::{Integer, Kind, Millis, SecretText, Secs, Text},
};
use toml::de::DeValue;

use super::{
    input::Input,
    keys::{How, OldKey},
    output::{Output, literal, toml},
    translation::{Told, Translation, last},
};

impl<'s> Translation<'s> {
    /// Takes over every key of a table that becomes one of the table that is made, whatever else there is.
    pub(super) fn take_over(&mut self, input: &Input<'s>, out: &mut Output<'s>) {
        for key in input.table.keys {
            match key.how {
                How::Together | How::Table | How::Nothing(..) => {}
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
                out.put(&mut self.names, key.leaf(), at, &place, value);
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
                let message = format!("{} needs `{name}`", input.table.header());
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
            (How::Integer(range), _) => {
                let number = self.read_value(place, value, &Integer(range.clone()), example);
                same(number.is_some())
            }
            (How::Millis(range), _) => {
                let time = self.read_value(place, value, &Millis(range.clone()), example);
                same(time.is_some())
            }
            (How::Secs(range), _) => {
                let time = self.read_value(place, value, &Secs(range.clone()), example);
                time.and_then(|time| millis(time.as_secs()))
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

    /// A path from the directory of the first file, or a whole one.
    pub(super) fn portable(&self, path: &str) -> String {
        let first = self.session.in_first_dir().dir();
        if path.is_empty() || self.session.dir() == first {
            return path.to_owned();
        }
        let path = self.session.resolve(path);
        let path: &Path = path.strip_prefix(first).unwrap_or(&path);
        path.to_string_lossy().into_owned()
    }

    fn portable_url(&self, url: &str) -> String {
        match url.split_once("://") {
            Some((scheme @ ("embedded" | "surrealkv"), dir)) => format!("{scheme}://{}", self.portable(dir)),
            _ => url.to_owned(),
        }
    }
}

/// Texts of the numbers of milliseconds that so many seconds are, and that are left to a body of so many: a value of the
/// document borrows its text, and these are in no file.
static MILLIS: LazyLock<Vec<[String; 2]>> = LazyLock::new(|| {
    let texts = |secs: u64| [secs * 1000, BODY_MILLIS.min(secs * 1000 / 3 * 2)].map(|millis| millis.to_string());
    (0..=SECS_MAX).map(texts).collect()
});

/// Most seconds that any key takes.
const SECS_MAX: u64 = 600;

/// How long a body may take here, where the file does not say.
const BODY_MILLIS: u64 = 20_000;

fn millis(secs: u64) -> Option<DeValue<'static>> {
    let [millis, _] = MILLIS.get(usize::try_from(secs).ok()?)?;
    Some(toml(millis))
}

/// Danube Connect has one deadline for body and answer, in milliseconds: two thirds of it are left to the body.
pub(super) fn left_to_body(deadline: &DeValue<'_>) -> Option<DeValue<'static>> {
    let deadline = deadline.as_integer()?.as_str();
    let [_, body] = MILLIS.iter().find(|[millis, _]| millis == deadline)?;
    Some(toml(body))
}
