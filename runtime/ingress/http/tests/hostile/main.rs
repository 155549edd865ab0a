//! Clients that mean harm, beside one that does not.
//!
//! Each class attacks listeners of its own through real sockets. It has done no harm when every answer is one that is
//! documented, when nothing reached the intake that is not a valid request of somebody known, when the next good request
//! is answered 200, and when it leaves behind neither a thread nor a descriptor, and no panic.
//!
//! * `HTTP_TRIALS=n` makes so many malformed requests (default 500); the other classes keep their proportion.
//! * `SEED=n` is the seed of the first trial (default 1); each has the next one. `SEED=… HTTP_TRIALS=1` repeats one.
//! * `HTTP_ONLY=…` runs the classes whose name contains it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod base;
mod bodies;
mod class;
mod corpus;
mod dice;
mod floods;
mod frames;
mod gone;
mod host;
mod http2;
mod malformed;
mod mutate;
mod oracle;
mod process;
mod signatures;
mod signing;
mod slow;
mod wire;

#[path = "../support/mod.rs"]
mod support;

use std::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::{Duration, Instant},
};

use class::{Class, Plan};
use futures_util::{FutureExt, future::BoxFuture};
use host::Host;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use process::{Held, resident_mib};

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// A thousand sockets have two ends each in this process.
const DESCRIPTORS: u64 = 4_096;

#[test]
fn hostile_clients_hurt_nobody() {
    std::panic::set_hook(Box::new(|panic| {
        PANICS.fetch_add(1, SeqCst);
        eprintln!("{panic}");
    }));
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, soft.max(DESCRIPTORS.min(hard)), hard).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        // Threads that decompress go soon, so that those which stay can be told from them.
        .thread_keep_alive(Duration::from_millis(100))
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(all(Plan::from_env()));
}

async fn all(plan: Plan) {
    let classes: [(&'static str, BoxFuture<'static, Class>); 6] = [
        ("malformed HTTP/1.1", malformed::run(plan).boxed()),
        ("HTTP/2 abuse", http2::run(plan).boxed()),
        ("endless and oversized bodies", bodies::run(plan).boxed()),
        ("slow loris", slow::run(plan).boxed()),
        ("client gone", gone::run(plan).boxed()),
        ("wrong and replayed signatures", signatures::run(plan).boxed()),
    ];
    let only = std::env::var("HTTP_ONLY").unwrap_or_default();
    Host::start(|_| {}, |_| {})
        .await
        .good()
        .await
        .expect("an ordinary request");
    let before = Held::now();
    let mut rows = Vec::new();
    for (name, class) in classes.into_iter().filter(|(name, _)| name.contains(&only)) {
        let (begun, panics) = (Instant::now(), PANICS.load(SeqCst));
        let mut class = class.await;
        if let Err(said) = before.is_back().await {
            class.complain("held", format!("{before:?} before it, {said}"));
        }
        match PANICS.load(SeqCst) - panics {
            0 => {}
            n => class.complain("the host", format!("{n} panics")),
        }
        rows.push(class.row(name, begun.elapsed().as_secs()));
    }
    danube_wasm_trials::report(&rows, plan.seed);
    println!("{} MiB resident at the end", resident_mib());
    let failures: Vec<_> = rows.iter().flat_map(|row| &row.failures).collect();
    assert!(failures.is_empty() && !rows.is_empty(), "{failures:#?}");
}
