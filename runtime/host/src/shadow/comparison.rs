//! Calls the candidate with what the running component was called with, and compares the answers input by input.

use std::time::{Duration, Instant};

use danube_wasm_model::door::{GuestError, SinkGuest as _, SourceGuest as _};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Passed,
    candidate::{Candidate, CandidateGuest},
};
use crate::tap::{Call, Sample, render};

/// The lane of the candidate's only instance.
const LANE: usize = 0;

/// What was compared so far.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Counts {
    pub(super) calls: u64,
    pub(super) inputs: u64,
    /// Inputs of which something else came.
    pub(super) different: u64,
    /// Calls in which the candidate crashed or failed while the running component did not.
    pub(super) failed_calls: u64,
    /// Time in the running component and in the candidate, in microseconds.
    running_us: u64,
    candidate_us: u64,
}

/// The candidate, and what was compared.
pub(super) struct Comparison {
    candidate: Candidate,
    pub(super) counts: Counts,
}

impl Comparison {
    pub(super) fn new(candidate: Candidate) -> Self {
        Self {
            candidate,
            counts: Counts::default(),
        }
    }

    /// SHA-256 of the candidate.
    pub(super) fn digest(&self) -> &str {
        self.candidate.digest()
    }

    /// Compares at most so many inputs of a call, and returns a value for each that differs.
    pub(super) async fn compare(&mut self, passed: Passed, inputs_max: u64) -> Vec<Value> {
        let secrets = self.candidate.secrets.clone();
        let connector = self.candidate.connector().clone();
        let call = Call {
            connector: &connector,
            secrets: &secrets,
        };
        let begun = Instant::now();
        match (&self.candidate.guest, passed) {
            (CandidateGuest::Source(guest), Passed::Source(events, running, took)) => {
                let made = guest.poll(LANE, events.clone()).await;
                self.count(took, begun.elapsed(), running.is_ok(), made.as_ref().err());
                let sample = |i: usize| {
                    let running = call.of_source(i, &events, running.as_ref());
                    (running, call.of_source(i, &events, made.as_ref()))
                };
                self.differences(events.len(), inputs_max, made.as_ref().err(), sample)
            }
            (CandidateGuest::Sink(guest), Passed::Sink(messages, running, took)) => {
                let made = guest.process_batch(LANE, messages.clone()).await;
                self.count(took, begun.elapsed(), running.is_ok(), made.as_ref().err());
                let sample = |i: usize| {
                    let running = call.of_sink(i, &messages, running.as_ref());
                    (running, call.of_sink(i, &messages, made.as_ref()))
                };
                self.differences(messages.len(), inputs_max, made.as_ref().err(), sample)
            }
            // A connector of this name became one of the other kind: a call of it is none of the candidate's.
            _ => Vec::new(),
        }
    }

    fn count(&mut self, running: Duration, candidate: Duration, was_ok: bool, error: Option<&GuestError>) {
        let us = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.counts.calls += 1;
        self.counts.failed_calls += u64::from(was_ok && error.is_some());
        self.counts.running_us = self.counts.running_us.saturating_add(us(running));
        self.counts.candidate_us = self.counts.candidate_us.saturating_add(us(candidate));
    }

    fn differences(
        &mut self,
        inputs: usize,
        inputs_max: u64,
        error: Option<&GuestError>,
        sample: impl Fn(usize) -> (Sample, Sample),
    ) -> Vec<Value> {
        let inputs = inputs.min(usize::try_from(inputs_max).unwrap_or(usize::MAX));
        let mut differences = Vec::new();
        for i in 0..inputs {
            self.counts.inputs += 1;
            let (running, candidate) = sample(i);
            if running.is_same_outcome(&candidate) {
                continue;
            }
            self.counts.different += 1;
            let (running, candidate) = (render::value(&running), render::value(&candidate));
            let side = |value: &Value| json!({ "after": value["after"], "error": value["error"] });
            let mut difference = json!({
                "connector": running["connector"], "direction": running["direction"], "before": running["before"],
                "running": side(&running), "candidate": side(&candidate),
            });
            if let Some(error) = error.filter(|error| !error.backtrace().is_empty()) {
                difference["candidate"]["backtrace"] = json!(error.backtrace());
            }
            differences.push(difference);
        }
        differences
    }
}
