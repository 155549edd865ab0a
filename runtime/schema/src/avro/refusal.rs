//! Why a value was refused; its path is collected on the way out.

use danube_wasm_model::door::Violation;

use crate::{pointer::Pointer, violations};

/// Why, and where: the steps from the value to the root.
#[derive(Debug)]
pub(super) struct Refusal {
    message: String,
    steps: Vec<Step>,
    /// No other alternative need be tried.
    pub(super) is_final: bool,
}

#[derive(Debug)]
enum Step {
    Key(String),
    Index(usize),
}

impl Refusal {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            steps: Vec::new(),
            is_final: false,
        }
    }

    /// A limit was reached.
    pub(super) fn limit(message: impl Into<String>) -> Self {
        Self {
            is_final: true,
            ..Self::new(message)
        }
    }

    pub(super) fn under_key(mut self, key: &str) -> Self {
        self.steps.push(Step::Key(key.to_owned()));
        self
    }

    pub(super) fn under_index(mut self, index: usize) -> Self {
        self.steps.push(Step::Index(index));
        self
    }

    pub(super) fn violation(self) -> Violation {
        let mut path = Pointer::default();
        for step in self.steps.iter().rev() {
            match step {
                Step::Key(key) => path.push_key(key),
                Step::Index(index) => path.push_index(*index),
            }
        }
        violations::at(&path.finish(), self.message)
    }
}

impl From<&'static str> for Refusal {
    fn from(message: &'static str) -> Self {
        Self::new(message)
    }
}
