//! SIGHUP applies the file again without dropping a request; a bad file changes nothing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::harness::{self, Setup, payment};

#[test]
fn a_reload_under_load_drops_no_request() {
    let scratch = Setup::default().write();
    let pipeline = scratch.start();
    let stop = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..4)
        .map(|_| {
            let (client, address, stop) = (pipeline.client(), pipeline.address(), stop.clone());
            std::thread::spawn(move || {
                let mut sent = 0;
                while !stop.load(Ordering::Acquire) {
                    let answer = harness::post(&client, &address, &[], payment(sent).to_string()).expect("an answer");
                    assert_eq!(answer.status, 200, "{answer:?}");
                    sent += 1;
                    // Not faster than the rows are written, however long the reloads take.
                    std::thread::park_timeout(Duration::from_millis(10));
                }
                sent
            })
        })
        .collect();
    for (round, rate) in [900_001, 900_002, 900_003].into_iter().enumerate() {
        let endpoint = format!("rate_limit = {{ requests_per_sec = {rate}, burst = {rate} }}");
        scratch.set(&Setup {
            endpoint,
            ..Setup::default()
        });
        pipeline.signal("HUP");
        pipeline.until("it was applied", |p| {
            p.logged("the file was applied again") == round + 1
        });
    }
    stop.store(true, Ordering::Release);
    let sent: u64 = senders.into_iter().map(|sender| sender.join().expect("a sender")).sum();
    assert!(sent > 0);
    pipeline.until("every event is a row", |_| scratch.rows() == sent);
    pipeline.stop();
}

#[test]
fn a_bad_file_changes_nothing() {
    let scratch = Setup::default().write();
    let pipeline = scratch.start();
    scratch.set(&Setup {
        endpoint: "no_such_key = 1".into(),
        ..Setup::default()
    });
    pipeline.signal("HUP");
    pipeline.until("it was refused", |p| p.dump().contains("no_such_key"));
    assert_eq!(pipeline.post(&payment(1)).status, 200);
    scratch.set(&Setup {
        sink: harness::guest("drop_everything"),
        ..Setup::default()
    });
    pipeline.signal("HUP");
    pipeline.until("it was applied", |p| p.logged("the file was applied again") == 1);
    assert_eq!(pipeline.post(&payment(2)).status, 200);
    pipeline.stop();
    assert_eq!(scratch.rows(), 1, "the new component drops everything");
}
