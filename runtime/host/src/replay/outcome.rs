//! Whether the component passes now, and if not, whether it fails as it did.

use danube_wasm_pipeline::dead_letter::Reason;

use super::{
    call::{CallResult, Failed},
    dead_letter::{DeadLetter, Shown},
};

/// A text of this length, in bytes, may have been cut: letters keep 4 KiB, and cut between two characters.
const KEPT_BYTES: usize = (4 << 10) - 3;

/// What a replay says of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It makes something of the input, or has nothing to do.
    Passes,
    /// It makes something that the target may take or not: the recorded component's writes were refused there.
    PassesToTarget,
    /// As recorded: the same words from the same place.
    SameFailure,
    /// Another one.
    OtherFailure,
    /// It is the component whose writes the target refused, so it makes the same ones.
    SameWrites,
}

impl Outcome {
    pub(super) fn of(letter: &DeadLetter, digest: &str, result: &CallResult) -> Self {
        let recorded = &letter.shown;
        let by_target = recorded.reason == Reason::TargetRefused.as_str();
        match result {
            CallResult::Failed(failed) if is_recorded(failed, recorded) => Self::SameFailure,
            CallResult::Failed(_) => Self::OtherFailure,
            _ if by_target && recorded.component_digest == digest => Self::SameWrites,
            _ if by_target => Self::PassesToTarget,
            _ => Self::Passes,
        }
    }

    /// Whether the component takes the input now.
    pub fn passes(self) -> bool {
        matches!(self, Self::Passes | Self::PassesToTarget)
    }

    /// For programs.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Passes => "passes",
            Self::PassesToTarget => "passes_to_target",
            Self::SameFailure => "same_failure",
            Self::OtherFailure => "other_failure",
            Self::SameWrites => "same_writes",
        }
    }

    /// For people.
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::Passes => "it passes now",
            Self::PassesToTarget => {
                "it passes now; the target refused what the recorded component wrote, and was not asked about this"
            }
            Self::SameFailure => "it still fails, as recorded",
            Self::OtherFailure => "it still fails, otherwise than recorded",
            Self::SameWrites => "it still fails: this component's writes were refused by the target",
        }
    }
}

/// Whether it failed for the same reason, with the same words, at the same place.
fn is_recorded(failed: &Failed, recorded: &Shown) -> bool {
    failed.stage.is_none()
        && failed.reason.as_str() == recorded.reason
        && is_same(&failed.message, &recorded.message)
        && is_same(&failed.backtrace.join("\n"), &recorded.backtrace.join("\n"))
}

/// A letter keeps only the beginning of a long text.
fn is_same(found: &str, recorded: &str) -> bool {
    found == recorded || (recorded.len() >= KEPT_BYTES && found.starts_with(recorded))
}
