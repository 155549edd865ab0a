//! Senders: threads that post events until they are told to stop, and try each again until it is answered.

use std::{sync::Arc, thread, time::Duration};

use danube_wasm_testkit::{Stop, Workers};
use parking_lot::RwLock;

use crate::{
    harness,
    oracle::{Oracle, payload},
};

/// Where a listener is now; it moves when its process is replaced.
pub type Address = Arc<RwLock<String>>;

/// How long a sender waits before it tries again.
const AGAIN: Duration = Duration::from_millis(20);
/// How long a sender waits for an answer: what real ones do, shorter.
const DEADLINE: Duration = Duration::from_secs(10);

pub struct Load(Workers<()>);

impl Load {
    /// So many senders.
    pub fn start(oracle: &Arc<Oracle>, address: &Address, senders: usize) -> Self {
        Self::paced(oracle, address, senders, Duration::ZERO)
    }

    /// Each waits for so long between two events.
    pub fn paced(oracle: &Arc<Oracle>, address: &Address, senders: usize, pace: Duration) -> Self {
        Self(Workers::start((0..senders).map(|_| {
            let (oracle, address) = (oracle.clone(), address.clone());
            move |stop| send(&oracle, &address, &stop, pace)
        })))
    }

    /// Each sender gets its last answer first.
    pub fn stop(self) {
        self.0.stop();
    }
}

fn send(oracle: &Oracle, address: &Address, stop: &Stop, pace: Duration) {
    let client = reqwest::blocking::Client::builder()
        .timeout(DEADLINE)
        .build()
        .expect("a client");
    let mut minting = oracle.sender();
    while !stop.is_requested() {
        let id = oracle.mint(&mut minting);
        let (key, body) = (id.to_string(), payload(id).to_string());
        loop {
            let to = address.read().clone();
            oracle.asking();
            let answer = harness::post(&client, &to, &[("idempotency-key", &key)], body.clone());
            let status = answer.map(|answer| answer.status);
            oracle.answered(id, status);
            match status {
                Some(200) => break,
                Some(503) | None => thread::park_timeout(AGAIN),
                Some(other) => panic!("event {id} was answered {other}"),
            }
        }
        if !pace.is_zero() {
            thread::park_timeout(pace);
        }
    }
}
