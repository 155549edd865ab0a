//! The worker on a consumer that does what a test says, for what a cluster does at no certain moment.

use std::{cell::RefCell, collections::VecDeque, rc::Rc, time::Duration};

use danube_wasm_model::{ConnectorId, upstream::Room};
use danube_wasm_telemetry::Metrics;

use super::*;
use crate::{
    config::{GroupProtocol, Isolation, OnOutOfRange, Start},
    consumer::{Committed, Reach, Timestamp},
    inbox::Made,
    limits::INBOX_RECORDS_MAX,
};

/// Polls give what a test says, and what is asked for is written down.
#[derive(Default, Clone)]
struct Script(Rc<RefCell<Scripted>>);

#[derive(Default)]
struct Scripted {
    polls: VecDeque<Polled>,
    calls: Vec<String>,
    committed: VecDeque<Result<Option<i64>, ConsumerError>>,
    range: (i64, i64),
    is_lost: bool,
}

impl Script {
    fn called(&self, what: String) -> Result<(), ConsumerError> {
        self.0.borrow_mut().calls.push(what);
        Ok(())
    }

    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.0.borrow_mut().calls)
    }
}

fn shown(offsets: &[(Partition, i64)]) -> String {
    let each: Vec<_> = offsets
        .iter()
        .map(|(partition, offset)| format!("{partition}@{offset}"))
        .collect();
    each.join(" ")
}

impl GroupConsumer for Script {
    fn poll(&mut self, _: Duration) -> Polled {
        self.0.borrow_mut().polls.pop_front().unwrap_or(Polled::Idle)
    }

    fn assign(&self, partitions: &[(Partition, i64)]) -> Result<(), ConsumerError> {
        self.called(format!("assign {}", shown(partitions)))
    }

    fn unassign(&self, partitions: &[Partition]) -> Result<(), ConsumerError> {
        self.called(format!("unassign {}", names(partitions)))
    }

    fn is_lost(&self) -> bool {
        self.0.borrow().is_lost
    }

    fn seek(&self, partitions: &[(Partition, i64)]) -> Result<(), ConsumerError> {
        self.called(format!("seek {}", shown(partitions)))
    }

    fn pause(&self, _: &[Partition]) -> Result<(), ConsumerError> {
        self.called("pause".to_owned())
    }

    fn resume(&self, _: &[Partition]) -> Result<(), ConsumerError> {
        self.called("resume".to_owned())
    }

    fn committed(&self, partitions: &[Partition]) -> Result<Committed, ConsumerError> {
        let answer = self.0.borrow_mut().committed.pop_front().unwrap_or(Ok(Some(0)))?;
        Ok(partitions.iter().map(|partition| (partition.clone(), answer)).collect())
    }

    fn range(&self, _: &Partition) -> Result<(i64, i64), ConsumerError> {
        Ok(self.0.borrow().range)
    }

    fn commit(&self, offsets: &[(Partition, i64)]) -> Result<(), ConsumerError> {
        self.0
            .borrow_mut()
            .polls
            .push_back(Polled::Committed(Ok(offsets.to_vec())));
        self.called(format!("commit {}", shown(offsets)))
    }

    fn commit_now(&self, offsets: &[(Partition, i64)]) -> Result<(), ConsumerError> {
        self.called(format!("commit now {}", shown(offsets)))
    }
}

fn partition(number: i32) -> Partition {
    Partition {
        topic: "orders".into(),
        number,
    }
}

fn record(number: i32, offset: i64) -> Polled {
    Polled::Record(Record {
        partition: partition(number),
        offset,
        key: None,
        value: None,
        headers: Some(Vec::new()),
        timestamp: Timestamp::Absent,
    })
}

fn worker(on_out_of_range: OnOutOfRange) -> (Worker<Script>, Script, Arc<WorkerState>) {
    let (script, state) = (Script::default(), Arc::new(WorkerState::default()));
    let id = ConnectorId::try_new("test", "orders").expect("a name");
    let config = WorkerConfig {
        connector: id.to_string(),
        address: "kafka".to_owned(),
        group: "group".to_owned(),
        reading: Reading {
            start: Start::Earliest,
            on_out_of_range,
            isolation: Isolation::ReadCommitted,
            generation: 0,
            group_protocol: GroupProtocol::Classic,
            commit_interval: Duration::ZERO,
            session_timeout: Duration::from_secs(45),
            drain_timeout: Duration::from_secs(20),
            fetch_bytes: 1 << 20,
        },
        noted: HashMap::new(),
        epochs: Arc::default(),
        counters: Counters::new(Metrics::new().expect("metrics"), id),
    };
    (Worker::new(script.clone(), state.clone(), config), script, state)
}

impl Worker<Script> {
    /// Polls these, and once more.
    fn polls(&mut self, polls: impl IntoIterator<Item = Polled>) {
        self.consumer.0.borrow_mut().polls.extend(polls);
        while !self.consumer.0.borrow().polls.is_empty() {
            self.step().expect("it goes on");
        }
        self.step().expect("it goes on");
    }
}

/// What the driver is given next, if anything is there.
fn next(state: &WorkerState) -> Option<Taken> {
    let room = Room {
        events: 100,
        bytes: 1 << 20,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        tokio::time::timeout(
            Duration::from_millis(1),
            state.inbox.take(room, &|record| {
                Ok(Made {
                    offset: record.offset,
                    event: None,
                })
            }),
        )
        .await
        .ok()
    })
}

fn offsets(taken: Option<Taken>) -> (u64, Vec<i64>) {
    match taken {
        Some(Taken::Records { epoch, records, .. }) => (epoch, records.iter().map(|record| record.offset).collect()),
        other => panic!("no records: {other:?}"),
    }
}

/// confluentinc/librdkafka PR #5604: the flag of a loss was dropped, and partitions of others were committed.
#[test]
fn what_is_lost_is_not_committed_whoever_says_so_first() {
    for says in [true, false] {
        let (mut worker, script, state) = worker(OnOutOfRange::Stop);
        worker.polls([Polled::Assigned(vec![partition(0)]), record(0, 0)]);
        let (epoch, read) = offsets(next(&state));
        assert_eq!(read, [0]);
        script.calls();
        script.0.borrow_mut().is_lost = says;
        if !says {
            worker.polls([Polled::Lost(vec![partition(0)])]);
        }
        state
            .positions
            .confirm(&partition(0).stream(), epoch, 1)
            .expect("taken");
        worker.polls([]);
        assert!(!script.calls().iter().any(|call| call.starts_with("commit")), "{says}");
    }
}

/// vectordotdev/vector#9587: acknowledgements of an assignment that is over.
#[test]
fn what_is_confirmed_of_an_earlier_assignment_is_not_committed() {
    let (mut worker, script, state) = worker(OnOutOfRange::Stop);
    worker.polls([Polled::Assigned(vec![partition(0)]), record(0, 7)]);
    let (old, _) = offsets(next(&state));
    worker.polls([
        Polled::Lost(vec![partition(0)]),
        Polled::Assigned(vec![partition(0)]),
        record(0, 0),
    ]);
    assert!(matches!(next(&state), Some(Taken::Lost { .. })));
    let (new, read) = offsets(next(&state));
    assert!(
        new > old && read == [0],
        "it begins where the group says, and not where it was: {read:?}"
    );
    script.calls();
    state.positions.confirm(&partition(0).stream(), old, 8).expect("taken");
    worker.polls([]);
    assert_eq!(script.calls(), [""; 0]);
    state.positions.confirm(&partition(0).stream(), new, 1).expect("taken");
    worker.polls([]);
    assert_eq!(script.calls(), ["commit orders/0@1"]);
}

#[test]
fn what_is_revoked_is_committed_and_then_let_go_while_the_rest_is_read_on() {
    let (mut worker, script, state) = worker(OnOutOfRange::Stop);
    worker.config.reading.commit_interval = Duration::from_secs(3600);
    worker.polls([
        Polled::Assigned(vec![partition(0), partition(1)]),
        record(0, 0),
        record(1, 0),
    ]);
    let (epoch, _) = offsets(next(&state));
    script.calls();
    worker.polls([Polled::Revoked(vec![partition(0)]), record(0, 1), record(1, 1)]);
    assert!(matches!(next(&state), Some(Taken::Revoked { .. })));
    assert_eq!(offsets(next(&state)).1, [0, 1], "of the other");
    assert!(next(&state).is_none(), "nothing more of what goes");
    state
        .positions
        .confirm(&partition(0).stream(), epoch, 1)
        .expect("taken");
    worker.polls([]);
    assert_eq!(script.calls(), [""; 0], "the driver has not finished");
    state.positions.release(&[partition(0).stream()]);
    worker.polls([]);
    assert_eq!(script.calls(), ["commit now orders/0@1", "unassign orders/0"]);
}

#[test]
fn a_group_that_cannot_be_asked_is_asked_again() {
    let (mut worker, script, _) = worker(OnOutOfRange::Stop);
    let busy = ConsumerError {
        kind: ErrorKind::Transient,
        message: "busy".to_owned(),
    };
    script.0.borrow_mut().committed = VecDeque::from([Err(busy), Ok(Some(5))]);
    worker.polls([Polled::Assigned(vec![partition(0)])]);
    assert_eq!(script.calls(), [""; 0]);
    while script.0.borrow().calls.is_empty() {
        worker.step().expect("it goes on");
    }
    assert_eq!(script.calls(), ["assign orders/0@5"]);
}

/// Markers of transactions at the end are no records, and are not left.
#[test]
fn what_is_behind_the_last_record_is_passed_when_nothing_comes_of_it() {
    let (mut worker, _, state) = worker(OnOutOfRange::Stop);
    worker.polls([Polled::Assigned(vec![partition(0)]), record(0, 0)]);
    offsets(next(&state));
    let measured = || Polled::Measured {
        ends: vec![Reach {
            partition: partition(0),
            end: 3,
            fetched: Some(3),
        }],
        is_connected: true,
    };
    worker.polls([measured(), record(0, 1)]);
    offsets(next(&state));
    worker.polls([measured()]);
    worker.polls([]);
    assert!(next(&state).is_none(), "a record has come between");
    worker.polls([Polled::Idle, measured()]);
    assert!(matches!(next(&state), Some(Taken::Passed { upto: 3, .. })));
}

/// A new group begins with the oldest record, which may be deleted before it is fetched.
#[test]
fn a_partition_that_is_new_and_out_of_range_is_no_gap() {
    let (mut worker, script, _) = worker(OnOutOfRange::Stop);
    script.0.borrow_mut().committed = VecDeque::from([Ok(None)]);
    worker.polls([Polled::Assigned(vec![partition(0)])]);
    script.0.borrow_mut().range = (4, 9);
    worker.polls([Polled::OutOfRange]);
    assert_eq!(script.calls(), ["assign orders/0@0", "seek orders/0@4"]);
}

#[test]
fn a_gap_is_named_from_its_first_record_to_its_last() {
    let (mut worker, script, _) = worker(OnOutOfRange::Stop);
    worker.polls([Polled::Assigned(vec![partition(0)]), record(0, 6)]);
    for (range, words) in [
        ((9, 12), "records 7 to 8 of orders/0 were deleted"),
        ((0, 3), "orders/0 ends at offset 3"),
    ] {
        script.0.borrow_mut().range = range;
        script.0.borrow_mut().polls.push_back(Polled::OutOfRange);
        let ended = std::iter::repeat_with(|| worker.step()).find_map(Result::err);
        assert!(
            matches!(&ended, Some(UpstreamError::Gap { message }) if message.contains(words)),
            "{ended:?}"
        );
    }
}

/// fede1024/rust-rdkafka#433: who does not poll is thrown out of the group, and only a line of the log says so.
#[test]
fn a_full_inbox_is_polled_on_with_its_partitions_paused_until_there_is_room() {
    let (mut worker, script, state) = worker(OnOutOfRange::Stop);
    let full = i64::try_from(INBOX_RECORDS_MAX).expect("a small one");
    worker.polls([Polled::Assigned(vec![partition(0)])]);
    script.calls();
    script
        .0
        .borrow_mut()
        .polls
        .extend((0..=full).map(|offset| record(0, offset)));
    let mut steps_until = |call: &str| {
        let mut steps = 0..2 * INBOX_RECORDS_MAX;
        steps.any(|_| {
            worker.step().expect("it goes on");
            script.0.borrow().calls.iter().any(|made| made == call)
        })
    };
    assert!(steps_until("pause"), "it is full for longer than a moment");
    // Also what is assigned meanwhile is heard of, and fetched later.
    script
        .0
        .borrow_mut()
        .polls
        .push_back(Polled::Assigned(vec![partition(1)]));
    assert!(steps_until("assign orders/1@0"), "it is polled on");
    assert_eq!(script.calls(), ["pause", "assign orders/1@0", "pause"]);
    let mut taken = 0;
    while !state.inbox.has_room() {
        taken += offsets(next(&state)).1.len();
    }
    assert!(steps_until("resume"), "there is room again");
    script.0.borrow_mut().polls.push_back(record(0, full + 1));
    steps_until("nothing more");
    while let Some(Taken::Records { records, .. }) = next(&state) {
        taken += records.len();
    }
    assert_eq!(taken, INBOX_RECORDS_MAX + 2, "nothing was passed over");
}
