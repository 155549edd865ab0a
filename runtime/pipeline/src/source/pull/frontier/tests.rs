//! The frontier, case by case and against a slow one.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::SmallRng, seq::IndexedRandom};

use super::*;

fn s(name: &str) -> StreamId {
    StreamId::new(name)
}

fn at(position: u64) -> Position {
    position.into()
}

fn deliver(frontier: &mut Frontier, epoch: u64, positions: &[u64]) -> Result<u64, Stale> {
    frontier.deliver(&s("s"), epoch, Instant::now(), positions.iter().copied().map(at))
}

/// What can be confirmed of the stream, which is confirmed by that.
fn confirm(frontier: &mut Frontier) -> Option<(u64, u64)> {
    let due = frontier.take_due().pop()?;
    frontier.confirmed(&due);
    Some((due.epoch, u64::try_from(due.upto.get()).expect("small")))
}

#[test]
fn only_the_done_prefix_is_confirmed_in_any_order_of_positions() {
    let mut frontier = Frontier::default();
    assert_eq!(deliver(&mut frontier, 1, &[5, 90, 91, 200]), Ok(0));
    assert!(!frontier.done(&s("s"), 1, [1]));
    assert!(!frontier.done(&s("s"), 1, [3]));
    assert_eq!(confirm(&mut frontier), None);
    assert!(frontier.done(&s("s"), 1, [0]));
    assert_eq!(confirm(&mut frontier), Some((1, 90)));
    assert!(frontier.done(&s("s"), 1, [2]));
    assert_eq!(confirm(&mut frontier), Some((1, 200)));
    assert!(frontier.is_all_settled());
    assert_eq!(deliver(&mut frontier, 1, &[201]), Ok(4), "numbers continue");
}

#[test]
fn one_confirmation_of_a_stream_at_a_time_and_the_next_names_the_newest_position() {
    let mut frontier = Frontier::default();
    let first = deliver(&mut frontier, 1, &[1, 2, 3]).expect("the present epoch");
    frontier.done(&s("s"), 1, [first]);
    let due = frontier.take_due();
    assert_eq!(due.len(), 1);
    frontier.done(&s("s"), 1, [first + 1]);
    frontier.done(&s("s"), 1, [first + 2]);
    assert_eq!(frontier.take_due(), []);
    frontier.confirmed(&due[0]);
    assert_eq!(confirm(&mut frontier), Some((1, 3)));
}

#[test]
fn an_event_is_unconfirmed_from_its_delivery_until_the_upstream_has_taken_it() {
    let mut frontier = Frontier::default();
    let times: Vec<_> = (0..3).map(|i| Instant::now() + Duration::from_secs(i)).collect();
    for (position, time) in (1..).zip(&times) {
        let delivered = frontier.deliver(&s("s"), 1, *time, [at(position)]);
        assert_eq!(delivered, Ok(2 * (position - 1)));
        frontier.pass(&s("s"), 1, at(position)).expect("the present epoch");
    }
    let unconfirmed = |events, oldest: usize| Unconfirmed {
        events,
        oldest: times.get(oldest).copied(),
    };
    assert_eq!(frontier.unconfirmed(), unconfirmed(3, 0), "markers are no events");
    frontier.done(&s("s"), 1, [2]);
    assert_eq!(frontier.unconfirmed(), unconfirmed(3, 0), "not of the done prefix");
    frontier.done(&s("s"), 1, [0]);
    let due = frontier.take_due().pop().expect("the first is done");
    assert_eq!(frontier.unconfirmed(), unconfirmed(3, 0), "on its way");
    frontier.done(&s("s"), 1, [4]);
    frontier.confirmed(&due);
    assert_eq!(frontier.unconfirmed(), unconfirmed(1, 2));
    assert_eq!(confirm(&mut frontier), Some((1, 3)));
    assert_eq!(frontier.unconfirmed(), unconfirmed(0, 3));
    deliver(&mut frontier, 1, &[4]).expect("the present epoch");
    frontier.lose(&s("s"));
    assert_eq!(frontier.unconfirmed(), unconfirmed(0, 3), "it never can be");
}

#[test]
fn a_position_is_not_confirmed_twice() {
    let mut frontier = Frontier::default();
    frontier.pass(&s("s"), 1, at(7)).expect("the present epoch");
    assert_eq!(confirm(&mut frontier), Some((1, 7)));
    let first = deliver(&mut frontier, 1, &[7, 7]).expect("the present epoch");
    frontier.done(&s("s"), 1, [first]);
    frontier.done(&s("s"), 1, [first + 1]);
    assert_eq!(confirm(&mut frontier), None);
    frontier.pass(&s("s"), 1, at(9)).expect("the present epoch");
    assert_eq!(confirm(&mut frontier), Some((1, 9)));
}

#[test]
fn keepalives_behind_an_event_do_not_add_up() {
    let mut frontier = Frontier::default();
    let first = deliver(&mut frontier, 1, &[1]).expect("the present epoch");
    (2..1000).for_each(|position| frontier.pass(&s("s"), 1, at(position)).expect("the present epoch"));
    assert_eq!(frontier.0[&s("s")].entries.len(), 2);
    frontier.done(&s("s"), 1, [first]);
    assert_eq!(confirm(&mut frontier), Some((1, 999)));
}

#[test]
fn what_is_said_of_another_epoch_changes_nothing() {
    let mut frontier = Frontier::default();
    let old = deliver(&mut frontier, 1, &[1, 2]).expect("the present epoch");
    let new = deliver(&mut frontier, 2, &[1, 2]).expect("the present epoch");
    assert!(!frontier.is_live(&s("s"), 1) && frontier.is_live(&s("s"), 2));
    assert!(!frontier.done(&s("s"), 1, [old]));
    assert_eq!(confirm(&mut frontier), None);
    assert_eq!(deliver(&mut frontier, 1, &[3]), Err(Stale));
    assert_eq!(frontier.pass(&s("s"), 1, at(3)), Err(Stale));
    frontier.done(&s("s"), 2, [new]);
    assert_eq!(confirm(&mut frontier), Some((2, 1)));
}

#[test]
fn an_answer_to_a_confirmation_of_an_old_epoch_confirms_nothing_in_the_new_one() {
    let mut frontier = Frontier::default();
    frontier.pass(&s("s"), 1, at(5)).expect("the present epoch");
    let due = frontier.take_due();
    frontier.pass(&s("s"), 2, at(5)).expect("the present epoch");
    frontier.confirmed(&due[0]);
    assert_eq!(confirm(&mut frontier), Some((2, 5)));
}

#[test]
fn a_lost_stream_is_over_until_its_next_epoch() {
    let mut frontier = Frontier::default();
    let first = deliver(&mut frontier, 1, &[1]).expect("the present epoch");
    frontier.lose(&s("s"));
    assert!(!frontier.done(&s("s"), 1, [first]));
    assert_eq!(confirm(&mut frontier), None);
    assert_eq!(deliver(&mut frontier, 1, &[2]), Err(Stale));
    assert!(frontier.is_settled(&s("s"), 1) && frontier.is_all_settled());
    assert_eq!(deliver(&mut frontier, 2, &[1]), Ok(0));
}

#[test]
fn a_revoked_stream_is_confirmed_until_it_is_end_epoch() {
    let mut frontier = Frontier::default();
    let first = deliver(&mut frontier, 3, &[1, 2]).expect("the present epoch");
    assert_eq!(frontier.revoke(&s("s")), Some(3));
    assert_eq!(frontier.revoke(&s("s")), None, "once is enough");
    assert_eq!(deliver(&mut frontier, 3, &[3]), Err(Stale));
    assert!(!frontier.is_settled(&s("s"), 3));
    frontier.done(&s("s"), 3, [first]);
    assert_eq!(confirm(&mut frontier), Some((3, 1)));
    frontier.end_epoch(&s("s"), 2);
    assert!(frontier.is_live(&s("s"), 3), "that is another epoch");
    frontier.end_epoch(&s("s"), 3);
    assert!(!frontier.done(&s("s"), 3, [first + 1]));
    assert_eq!((confirm(&mut frontier), frontier.revoke(&s("t"))), (None, None));
}

/// One epoch of the one stream, as slow and plain as can be.
#[derive(Default)]
struct Plain {
    epoch: u64,
    /// Positions in order, each with whether it is done.
    entries: Vec<(u64, bool)>,
    over: bool,
    revoked: bool,
}

impl Plain {
    fn confirmable(&self) -> Option<u64> {
        let done = self.entries.iter().take_while(|(_, done)| *done);
        done.last().map(|(position, _)| *position).filter(|_| !self.over)
    }
}

/// The two side by side.
struct Beside {
    dice: SmallRng,
    frontier: Frontier,
    plain: Plain,
    /// Events of all epochs: epoch, number, place in the plain list of that epoch.
    events: Vec<(u64, u64, usize)>,
    position: u64,
    confirmed: Option<Position>,
    under_way: Option<Due>,
}

impl Beside {
    fn new(seed: u64) -> Self {
        Self {
            dice: SmallRng::seed_from_u64(seed),
            frontier: Frontier::default(),
            plain: Plain::default(),
            events: Vec::new(),
            position: 0,
            confirmed: None,
            under_way: None,
        }
    }

    fn step(&mut self) {
        match self.dice.random_range(0..30) {
            0..=7 => self.deliver(),
            8..=10 => self.pass(),
            11..=20 => self.done(),
            21..=26 => self.confirm(),
            27 => self.lose(),
            28 => self.revoke(),
            _ => self.begin_anew(),
        }
    }

    fn deliver(&mut self) {
        let Self { dice, position, .. } = self;
        let mut next = || {
            *position += dice.random_range(0..9);
            *position
        };
        let positions: Vec<_> = (0..3).map(|_| next()).collect();
        let first = deliver(&mut self.frontier, self.plain.epoch, &positions);
        assert_eq!(first.is_err(), self.plain.over || self.plain.revoked);
        let Ok(first) = first else { return };
        for (number, position) in (first..).zip(positions) {
            self.events.push((self.plain.epoch, number, self.plain.entries.len()));
            self.plain.entries.push((position, false));
        }
    }

    fn pass(&mut self) {
        self.position += 1;
        if self.frontier.pass(&s("s"), self.plain.epoch, at(self.position)).is_ok() {
            self.plain.entries.push((self.position, true));
        }
    }

    fn done(&mut self) {
        let Some((epoch, number, place)) = self.events.choose(&mut self.dice).copied() else {
            return;
        };
        self.frontier.done(&s("s"), epoch, [number]);
        if epoch == self.plain.epoch && !self.plain.over {
            self.plain.entries[place].1 = true;
        }
    }

    /// Begins a confirmation or ends one.
    fn confirm(&mut self) {
        if let Some(due) = self.under_way.take() {
            self.frontier.confirmed(&due);
            self.confirmed = Some(due.upto);
            return;
        }
        let due = self.frontier.take_due().pop();
        let expected = self
            .plain
            .confirmable()
            .map(at)
            .filter(|upto| Some(*upto) != self.confirmed);
        assert_eq!(due.as_ref().map(|due| due.upto), expected);
        assert!(due.iter().all(|due| due.epoch == self.plain.epoch));
        self.under_way = due;
    }

    fn lose(&mut self) {
        self.plain.over |= self.frontier.0.contains_key(&s("s"));
        self.frontier.lose(&s("s"));
    }

    fn revoke(&mut self) {
        self.plain.revoked |= self.frontier.0.contains_key(&s("s"));
        self.frontier.revoke(&s("s"));
    }

    /// An epoch begins with its first delivery. What is under way of the one before ends with nothing.
    fn begin_anew(&mut self) {
        self.plain = Plain {
            epoch: self.plain.epoch + 1,
            entries: vec![(self.position, true)],
            ..Plain::default()
        };
        let passed = self.frontier.pass(&s("s"), self.plain.epoch, at(self.position));
        assert_eq!(passed, Ok(()));
        self.confirmed = None;
        if let Some(due) = self.under_way.take() {
            self.frontier.confirmed(&due);
        }
    }
}

/// Everything in any order, of any epoch: what is confirmed is what a plain list says.
#[test]
fn it_agrees_with_a_plain_list() {
    for seed in 0..2_000 {
        let mut beside = Beside::new(seed);
        let steps = beside.dice.random_range(1..200);
        (0..steps).for_each(|_| beside.step());
    }
}
