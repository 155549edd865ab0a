//! A value together with how a pipeline file says it: what a file of another format is translated to.

use toml::de::{DeString, DeValue};

use super::{
    Field, Presence, Table, ValueRef,
    kinds::{Kind, quote},
};

/// A value, and how a pipeline file says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written<T> {
    /// The value.
    pub value: T,
    /// As TOML.
    pub toml: String,
}

impl<K: Kind> Field<'_, '_, K> {
    /// As [`Field::or`].
    pub fn or_written(mut self, default: K::Value) -> Written<K::Value> {
        let shown = self.kind.show(&default);
        self.manual.presence = Presence::Default(shown.clone());
        let toml = match self.manual.variable {
            Some(variable) => Wording::Value(shown.clone()).overridden_by(variable, false),
            None => shown.clone(),
        };
        let read = self.read_written(Some(shown));
        read.unwrap_or(Written { value: default, toml })
    }

    /// As [`Field::optional`].
    pub fn optional_written(mut self) -> Option<Written<K::Value>> {
        self.manual.presence = Presence::Optional;
        self.read_written(None)
    }

    /// As [`Field::required`].
    pub fn required_written(self) -> Option<Written<K::Value>> {
        self.read_written(None)
    }

    /// The value of the key, or of the variable that overrides it.
    pub(crate) fn read_written(self, default: Option<String>) -> Option<Written<K::Value>> {
        let Self { table, kind, manual } = self;
        let input = table.declare_and_take(manual.clone());
        let set = manual.variable.filter(|name| is_set(table, name));
        if input.is_none() && set.is_none() && manual.presence == Presence::Required {
            table.missing(&manual);
        }
        // A key that is left empty for its variable to fill says nothing.
        let input =
            input.filter(|input| set.is_none() || !matches!(input.value, DeValue::String(text) if text.is_empty()));
        let own = input.as_ref().and_then(|input| {
            let value = kind.read(input)?;
            Some((Wording::of(input, &kind, &value), value))
        });
        let Some(variable) = manual.variable else {
            let (wording, value) = own?;
            let toml = wording.toml();
            return Some(Written { value, toml });
        };
        let (wording, own) = own.map_or((default.map(Wording::Value), None), |(wording, value)| {
            (Some(wording), Some(value))
        });
        let toml = match wording {
            Some(wording) => {
                if !wording.can_be_default() && set.is_none() {
                    let text = format!(
                        "`{}` holds text that cannot be the default of a variable: here {variable} does not hold over it",
                        manual.key
                    );
                    table.session().note_for_translation(&table.span(manual.key), text);
                }
                wording.overridden_by(variable, set.is_some())
            }
            None => quote(&format!("${{{variable}}}")),
        };
        let value = match set {
            Some(_) => read_variable(table, &kind, variable, &manual),
            None => own,
        };
        Some(Written { value: value?, toml })
    }
}

fn is_set(table: &Table<'_>, variable: &str) -> bool {
    let value = table.session().env().get(variable);
    value.is_some_and(|value| !value.is_empty())
}

/// Reads a variable as if the key were a reference to it.
fn read_variable<K: Kind>(
    table: &Table<'_>,
    kind: &K,
    variable: &str,
    manual: &super::FieldManual,
) -> Option<K::Value> {
    let reference = DeValue::String(DeString::Owned(format!("${{{variable}}}")));
    kind.read(&ValueRef {
        // A variable is not of any file: its paths start where those of the first file do.
        session: table.session().of_first_file(),
        value: &reference,
        span: table.span(manual.key),
        sample: format!("{variable}={}", manual.example.trim_matches('"')),
        literal: false,
    })
}

/// A value as its file has it.
enum Wording {
    /// The text of a string.
    Text(String),
    /// Anything else, as TOML.
    Value(String),
}

impl Wording {
    fn of<K: Kind>(input: &ValueRef<'_>, kind: &K, value: &K::Value) -> Self {
        match input.value {
            DeValue::String(text) => Self::Text(text.to_string()),
            _ => Self::Value(kind.show(value)),
        }
    }

    /// As TOML, in which `${` stands for itself.
    fn toml(self) -> String {
        match self {
            Self::Text(text) => quote(&text.replace("${", "$${")),
            Self::Value(toml) => toml.replace("${", "$${"),
        }
    }

    /// A reference to the variable with this as its default. Text that no default can hold is either itself or, where
    /// the variable is set, the variable.
    fn overridden_by(self, variable: &str, set: bool) -> String {
        match (self.can_be_default(), set) {
            (true, _) => quote(&format!("${{{variable}:-{}}}", self.bare())),
            (false, true) => quote(&format!("${{{variable}}}")),
            (false, false) => self.toml(),
        }
    }

    /// Whether it can stand between `:-` and `}`.
    fn can_be_default(&self) -> bool {
        !self.bare().contains('}') && !self.bare().contains("${")
    }

    fn bare(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Value(toml) => toml.trim_matches('"'),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overridden_value_is_the_default_of_its_variable() {
        let text = |text: &str, set| Wording::Text(text.to_owned()).overridden_by("V", set);
        assert_eq!(text("http://b:6650", false), "\"${V:-http://b:6650}\"");
        assert_eq!(
            Wording::Value("8080".to_owned()).overridden_by("V", false),
            "\"${V:-8080}\""
        );
        assert_eq!(
            Wording::Value("\"0.0.0.0\"".to_owned()).overridden_by("V", true),
            "\"${V:-0.0.0.0}\""
        );
        for odd in ["a}b", "${X}"] {
            assert_eq!(text(odd, true), "\"${V}\"");
        }
        assert_eq!(text("a}b", false), "\"a}b\"");
        assert_eq!(text("${X}", false), "\"$${X}\"");
    }
}
