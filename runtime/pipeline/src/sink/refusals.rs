//! Messages that must not be written: the component refuses them, or asks for what the sink does not do.

use std::collections::HashMap;

use danube_wasm_model::{
    Targets,
    message::{Operation, WriteBatch},
};
use tokio::task::coop::consume_budget;

use super::plan::Rules;
use crate::connected::Connected;

/// Longest part of a target's name that is shown, in characters: it is the component's own text.
const TARGET_SHOWN_MAX: usize = 64;

/// Messages of a batch that are refused, each with the first reason: rejections, then writes to another's target, then
/// operations that this host does not know or the target does not do.
pub(super) struct Refusals {
    /// In order.
    pub(super) refused: Vec<(usize, String)>,
    /// Writes to what is not a target of the sink.
    pub(super) foreign: usize,
}

impl Refusals {
    pub(super) async fn of(messages: usize, batch: &WriteBatch, rules: Rules<'_>) -> Self {
        let mut reasons: HashMap<usize, String> = HashMap::new();
        for rejection in &batch.rejected {
            reasons
                .entry(rejection.origin as usize)
                .or_insert_with(|| rejection.message.clone());
        }
        let checks = Checks::new(batch, rules);
        let mut foreign = 0;
        if !checks.all_pass {
            for i in 0..batch.len() {
                let Some(refusal) = checks.refusal(i) else { continue };
                foreign += usize::from(matches!(refusal, Refusal::Foreign(_)));
                for origin in batch.origins.of(i) {
                    consume_budget().await;
                    reasons.entry(origin).or_insert_with(|| refusal.reason(rules.targets));
                }
            }
        }
        let mut refused: Vec<_> = reasons.into_iter().filter(|(at, _)| *at < messages).collect();
        refused.sort_unstable_by_key(|(at, _)| *at);
        Self { refused, foreign }
    }
}

/// Why a write is not made.
enum Refusal<'b> {
    Foreign(&'b str),
    UnknownOperation(u8),
    NotAccepted(&'b str, Operation),
}

impl Refusal<'_> {
    fn reason(&self, targets: &Targets) -> String {
        match self {
            Self::Foreign(name) => {
                let shown: String = name.chars().take(TARGET_SHOWN_MAX).collect();
                format!(
                    "the component wrote to {shown:?}, which is not a target of this sink: its configuration names \
                     {targets}"
                )
            }
            Self::UnknownOperation(code) => {
                format!("the component asked for operation {code}, which this host does not know")
            }
            Self::NotAccepted(target, operation) => format!(
                "the component asked for the operation `{}` on `{target}`, which this target does not do",
                operation.as_str()
            ),
        }
    }
}

/// What is known of a batch before its writes are looked at one by one.
struct Checks<'b> {
    batch: &'b WriteBatch,
    /// For each name: `None` if it is no target, else whether it accepts each operation.
    targets: Vec<Option<[bool; OPERATIONS.len()]>>,
    all_pass: bool,
}

const OPERATIONS: [Operation; 4] = [
    Operation::Insert,
    Operation::Upsert,
    Operation::Merge,
    Operation::Delete,
];

impl<'b> Checks<'b> {
    fn new(batch: &'b WriteBatch, rules: Rules<'_>) -> Self {
        let accepted = |name: &str| OPERATIONS.map(|operation| rules.accepts(name, operation));
        let of_name = |name: &String| rules.targets.contains(name).then(|| accepted(name));
        let targets: Vec<_> = batch.targets.names.iter().map(of_name).collect();
        let accept_all = targets
            .iter()
            .all(|target| target.is_some_and(|accepts| accepts == [true; 4]));
        let known = |code: &u8| Operation::from_code(*code).is_some();
        Self {
            all_pass: accept_all && batch.operations.iter().all(known),
            batch,
            targets,
        }
    }

    fn refusal(&self, i: usize) -> Option<Refusal<'b>> {
        let name = self.batch.targets.index[i] as usize;
        let target = self.batch.targets.names[name].as_str();
        let Some(accepts) = self.targets[name] else {
            return Some(Refusal::Foreign(target));
        };
        let code = self.batch.operations.get(i).copied().unwrap_or_default();
        let Some(operation) = Operation::from_code(code) else {
            return Some(Refusal::UnknownOperation(code));
        };
        (!accepts[usize::from(code)]).then_some(Refusal::NotAccepted(target, operation))
    }
}

/// Messages that share a write with a refused message, directly or through others: all their writes are dropped, and made
/// again when they are processed again.
pub(super) async fn merged_with_rejected(
    messages: usize,
    batch: &WriteBatch,
    refused: &[(usize, String)],
) -> Vec<usize> {
    if refused.is_empty() || batch.origins.is_identity() {
        return Vec::new();
    }
    let mut connected = Connected::new(messages);
    connected.join_all(&batch.origins, batch.len()).await;
    let mut with_a_refused_one = vec![false; messages];
    for (at, _) in refused {
        with_a_refused_one[connected.first(*at)] = true;
    }
    let is_refused = |at: &usize| refused.binary_search_by_key(at, |(refused, _)| *refused).is_ok();
    (0..messages)
        .filter(|at| with_a_refused_one[connected.first(*at)] && !is_refused(at))
        .collect()
}
