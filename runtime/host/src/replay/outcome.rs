//! Whether the component passes now, and if not, whether it fails in the same way.

use danube_wasm_pipeline::dead_letter::Reason;

use super::{
    call::{CallResult, Failed},
    dead_letter::{DeadLetter, DumpedLetter},
};

/// From this length, in bytes, a text may be truncated: dead letters keep 4 KiB, truncated between two characters.
const KEPT_BYTES: usize = (4 << 10) - 3;

/// The outcome of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The component returns a result, or has nothing to do.
    Passes,
    /// The component returns writes, which its target may accept or not: it refused those of the recorded component.
    PassesToTarget,
    /// The same failure as recorded: the same message at the same place.
    SameFailure,
    /// Another failure.
    OtherFailure,
    /// The same component, whose writes the target refused, returns the same writes.
    SameWrites,
}

impl Outcome {
    pub(super) fn of(letter: &DeadLetter, digest: &str, result: &CallResult) -> Self {
        let recorded = &letter.dumped;
        let by_target = recorded.reason == Reason::TargetRefused.as_str();
        match result {
            CallResult::Failed(failed) if is_recorded(failed, recorded) => Self::SameFailure,
            CallResult::Failed(_) => Self::OtherFailure,
            _ if by_target && recorded.component_digest == digest => Self::SameWrites,
            _ if by_target => Self::PassesToTarget,
            _ => Self::Passes,
        }
    }

    /// Whether the component accepts the input now.
    pub fn passes(self) -> bool {
        matches!(self, Self::Passes | Self::PassesToTarget)
    }

    /// The name in JSON.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Passes => "passes",
            Self::PassesToTarget => "passes_to_target",
            Self::SameFailure => "same_failure",
            Self::OtherFailure => "other_failure",
            Self::SameWrites => "same_writes",
        }
    }

    /// The sentence for people.
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

/// Whether the reason, message and place of the failure are the recorded ones.
fn is_recorded(failed: &Failed, recorded: &DumpedLetter) -> bool {
    failed.stage.is_none()
        && failed.reason.as_str() == recorded.reason
        && is_same(&failed.message, &recorded.message)
        && is_same(&failed.backtrace.join("\n"), &recorded.backtrace.join("\n"))
}

/// Compares texts. Dead letters keep only the beginning of a long text.
fn is_same(found: &str, recorded: &str) -> bool {
    found == recorded || (recorded.len() >= KEPT_BYTES && found.starts_with(recorded))
}
