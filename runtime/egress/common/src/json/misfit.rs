//! A value that its column does not hold.

use std::borrow::Cow;

/// Of a value, in characters, that a message shows.
const VALUE_CHARS_MAX: usize = 64;

/// A value that its column does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The way to it from the column's value, the last step first.
    steps: Vec<String>,
    /// The beginning of its JSON text.
    value: String,
    /// What is wrong with it: the rest of a sentence after a colon.
    why: Cow<'static, str>,
}

impl Misfit {
    /// Of the value's JSON text; `why` is the rest of a sentence after a colon.
    pub fn of(value: &str, why: impl Into<Cow<'static, str>>) -> Self {
        let mut shown: String = value.chars().take(VALUE_CHARS_MAX).collect();
        if shown.len() < value.len() {
            shown.push('…');
        }
        Self {
            steps: Vec::new(),
            value: shown,
            why: why.into(),
        }
    }

    /// The same, seen from what contains the value.
    pub fn at(mut self, step: impl Into<String>) -> Self {
        self.steps.push(step.into());
        self
    }

    /// The beginning of the value's JSON text.
    pub fn shown(&self) -> &str {
        &self.value
    }

    /// The sentence for the sender. `at` is the pointer to the column's value.
    pub fn in_column(&self, at: &str, column: &str, of: &str) -> String {
        let mut pointer = at.to_owned();
        for step in self.steps.iter().rev() {
            push_step(&mut pointer, step);
        }
        let (value, why) = (&self.value, &self.why);
        format!("`{pointer}` is {value}, which column `{column}` {of} does not hold: {why}")
    }
}

/// Adds a step to a JSON pointer.
fn push_step(pointer: &mut String, step: &str) {
    pointer.push('/');
    pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
}

/// The JSON pointer to a member of a document.
pub fn pointer(step: &str) -> String {
    let mut pointer = String::with_capacity(step.len() + 1);
    push_step(&mut pointer, step);
    pointer
}
