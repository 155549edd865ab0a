//! Keys of another format that change nothing here, or change something only here.

use super::{FieldManual, Presence, Table};

/// What a key of Danube Connect did there and does here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It did nothing there, and does nothing here.
    Never,
    /// It did something there, and there is nothing like it here.
    Gone,
    /// It did nothing there, and does what it says here.
    New,
}

impl Effect {
    /// In a sentence.
    pub fn of(self, key: &str) -> String {
        match self {
            Self::Never => format!("`{key}` had no effect in Danube Connect, and has none here"),
            Self::Gone => format!("`{key}` has no equivalent here and is left out"),
            Self::New => format!("`{key}` had no effect in Danube Connect; here it holds"),
        }
    }
}

impl Table<'_> {
    /// A key that is known and not read. Where it is given, the operator is told so with `help`.
    pub fn inert(&mut self, key: &'static str, effect: Effect, help: &'static str) {
        self.declare_and_take(FieldManual {
            key,
            aliases: &[],
            kind: "anything".to_owned(),
            presence: Presence::Optional,
            about: match effect {
                Effect::Never => "Never had an effect.",
                Effect::Gone => "Has no equivalent.",
                Effect::New => "Has an effect only here.",
            },
            example: "{}",
            when: None,
            variable: None,
        });
        self.tell_effect(key, effect, help);
    }

    /// Tells the operator what a key that was read does, where it is given.
    pub fn tell_effect(&self, key: &str, effect: Effect, help: &str) {
        if self.given(key) {
            let span = self.span(key);
            self.session().note(&span, effect.of(key), help);
        }
    }
}
