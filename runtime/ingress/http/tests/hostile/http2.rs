//! Floods of frames: each connection is closed by the server, memory stays bounded, and neighbours are answered.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use danube_wasm_ingress_http::ListenerOptions;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::{
    class::{Class, Plan, Shared, expect, in_lanes},
    dice::Dice,
    floods::{Events, Flood, floods},
    frames::{Line, preface, request},
    host::{Host, REST, brisk},
    process::{eventually, resident_mib},
};

/// Bytes are sent in pieces of about this size.
const PIECE_BYTES: usize = 64 << 10;
/// Listeners that are attacked side by side.
const LANES: usize = 16;
/// What resident memory may grow by, that of the clients included, in MiB.
const GROWTH_MIB_MAX: u64 = 64;

/// Reasons to go away that were given: no error, PROTOCOL_ERROR, FLOW_CONTROL_ERROR, ENHANCE_YOUR_CALM.
const SIGHTS: [u32; 4] = [0, 1, 3, 11];
/// Requests under way on one connection, where they are counted.
const STREAMS_MAX: u32 = 20;
/// In which the server takes in what was sent.
const MOMENT: Duration = Duration::from_millis(1);

pub(crate) async fn run(plan: Plan) -> Class {
    let seeds = plan.seeds(plan.trials.div_ceil(500));
    let cases = seeds.flat_map(|seed| floods(&mut Dice::new(seed)).into_iter().map(move |flood| (seed, flood)));
    let cases: Shared<(u64, Flood)> = Arc::new(cases.collect());
    let codes: Arc<Mutex<BTreeSet<u32>>> = Arc::default();
    let memory = resident_mib();
    let mut class = in_lanes(LANES, |lane| {
        let (cases, codes) = (cases.clone(), codes.clone());
        async move {
            let mut class = Class::default();
            let host = Host::start(limits, |_| {}).await;
            for (seed, flood) in cases.iter().skip(lane).step_by(LANES) {
                let verdict = attack(&host, flood, &codes).await.and_then(|()| is_bounded(memory));
                class.record(&format!("SEED={seed} HTTP_TRIALS=1: {}", flood.name), verdict);
            }
            class.check("it stops", host.stop().await);
            class
        }
    })
    .await;
    class.record("more requests than streams are held", too_many_streams().await);
    // Or the floods do not get as far as they mean to.
    let missing: Vec<u32> = SIGHTS.into_iter().filter(|code| !codes.lock().contains(code)).collect();
    class.check("reasons that are never given", expect("missing", missing, Vec::new()));
    class
}

fn is_bounded(before_mib: u64) -> Result<(), String> {
    let grown = resident_mib().saturating_sub(before_mib);
    match grown > GROWTH_MIB_MAX {
        true => Err(format!("{grown} MiB more are resident")),
        false => Ok(()),
    }
}

fn limits(options: &mut ListenerOptions) {
    brisk(options);
    options.limits.header_read_ms_max = 1_000;
    options.limits.idle_ms_max = 1_000;
    options.limits.body_read_ms_max = 1_000;
}

/// Of more requests than a connection may have, the rest is refused while the first ones are held.
async fn too_many_streams() -> Result<(), String> {
    let host = Host::start(|options| options.limits.streams_max = STREAMS_MAX, |_| {}).await;
    host.server.inbox.shut();
    let mut line = Line::connect(&host, false).await;
    // Many more, and the connection would be closed for it.
    let requests = (0..3 * STREAMS_MAX).flat_map(|n| request(2 * n + 1, b"{}"));
    line.send(&[preface(&[]), requests.collect()].concat()).await;
    let held = STREAMS_MAX as usize;
    let count = || (host.server.inbox.count(), line.heard().resets.load(SeqCst));
    eventually(count, |(events, resets)| *events == held && *resets >= 2 * held).await?;
    host.server.inbox.open();
    drop(line);
    host.stop().await
}

async fn attack(host: &Host, flood: &Flood, codes: &Mutex<BTreeSet<u32>>) -> Result<(), String> {
    let before = host.server.inbox.count();
    let over = watch::Sender::new(false);
    let ((line, rounds), answered) = tokio::join!(
        async {
            let sent = send(host, flood).await;
            over.send_replace(true);
            sent
        },
        neighbour(host, over.subscribe())
    );
    let good = answered?;
    // The attacker holds on to its end until the server lets go of its own.
    host.at_rest().await?;
    codes.lock().extend(line.heard().go_away.lock().iter());
    drop(line);
    let events = host.server.inbox.count() - before - good;
    let right = match flood.events {
        Events::None => events == 0,
        Events::AtMostOneEach => events <= rounds,
        Events::OneEach => (1..=rounds).contains(&events),
    };
    if !right {
        return Err(format!("{events} events of {rounds} times {:?}", flood.events));
    }
    host.good().await
}

/// Sends all of it or as much as is taken; how many times that may have been.
async fn send(host: &Host, flood: &Flood) -> (Line, usize) {
    let mut line = Line::connect(host, flood.deaf).await;
    let mut bytes = flood.first.clone();
    let mut rounds = 0;
    for n in 0..flood.times {
        bytes.extend_from_slice(&(flood.then)(n, 2 * n + 3));
        rounds += 1;
        if flood.paced {
            tokio::time::sleep(MOMENT).await;
        }
        if flood.paced || bytes.len() >= PIECE_BYTES {
            if !line.send(&bytes).await {
                return (line, rounds);
            }
            bytes.clear();
        }
    }
    line.send(&bytes).await;
    (line, rounds)
}

/// Sends good requests until told that it is over, and one after that; how many.
async fn neighbour(host: &Host, over: watch::Receiver<bool>) -> Result<usize, String> {
    let mut answered = 0;
    loop {
        let last = *over.borrow();
        host.good().await?;
        answered += 1;
        if last {
            return Ok(answered);
        }
        tokio::time::sleep(REST).await;
    }
}
