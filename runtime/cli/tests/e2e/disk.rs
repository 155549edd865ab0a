//! A full disk: senders are told to come back, nothing that was confirmed is lost, and it goes on when there is room.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
};

use crate::harness::{Setup, payment};

#[test]
fn a_full_disk_is_503_and_recovers_when_space_returns() {
    let scratch = Setup::default().write();
    let pipeline = scratch.start();
    let acknowledged = RefCell::new(BTreeSet::new());
    let next = Cell::new(0);
    let post = || {
        next.set(next.get() + 1);
        let answer = pipeline.post(&payment(next.get()));
        if answer.status == 200 {
            acknowledged.borrow_mut().insert(next.get());
        }
        answer
    };
    assert_eq!(post().status, 200);
    // Nothing fits any more, into no file.
    pipeline.limit_files("0");
    let refused = (0..2_000)
        .map(|_| post())
        .find(|answer| answer.status != 200)
        .expect("a full disk shows");
    assert_eq!(refused.status, 503, "{refused:?}");
    pipeline.until("health says so", |p| p.admin("/health/ready").0 == 503);
    assert!(pipeline.dump().contains("WARN"), "the log says so");
    pipeline.limit_files("unlimited");
    pipeline.until("it takes events again", |_| post().status == 200);
    pipeline.until("everything confirmed is stored", |_| {
        let rows = scratch.query("SELECT VALUE amount FROM payments");
        let amounts: Vec<u64> = rows
            .as_array()
            .expect("rows")
            .iter()
            .filter_map(|n| n.as_u64())
            .collect();
        let stored: BTreeSet<u64> = amounts.iter().copied().collect();
        assert_eq!(stored.len(), amounts.len(), "a row was stored twice");
        acknowledged.borrow().is_subset(&stored)
    });
    pipeline.until("it is ready again", |p| p.admin("/health/ready").0 == 200);
    pipeline.stop();
}
