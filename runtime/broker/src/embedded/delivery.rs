//! One subscription: its consumers and its windows. Pure, like [`super::window`]; the caller brings lock and clock.

use std::collections::BTreeSet;

use danube_wasm_model::SubscriptionType;
use tokio::time::Instant;

use super::{
    cursor::Cursor,
    window::{Load, MemberId, Window},
};
use crate::{BrokerError, ErrorKind, Message};

/// See the module.
pub(super) struct Delivery {
    kind: SubscriptionType,
    /// In the order in which they came: the first that reads a window is its active one on a Failover subscription.
    members: Vec<Member>,
    next_member: MemberId,
    windows: Vec<Window>,
    /// The window that is asked first next time.
    turn: usize,
    /// A stored message that cannot be read: nobody gets past it.
    pub(super) damage: Option<BrokerError>,
}

struct Member {
    id: MemberId,
    name: String,
    /// The one window it reads; all of them without.
    only: Option<usize>,
    window: usize,
    in_flight: usize,
}

impl Member {
    fn covers(&self, window: usize) -> bool {
        self.only.is_none_or(|only| only == window)
    }

    fn overlaps(&self, only: Option<usize>) -> bool {
        only.is_none_or(|only| self.covers(only))
    }
}

/// What a member gets.
#[derive(Default)]
pub(super) struct Turn {
    pub(super) messages: Vec<Message>,
    /// When more may be there without anything else happening.
    pub(super) due: Option<Instant>,
    /// What to read, with the window it is for.
    pub(super) loads: Vec<(usize, Load)>,
}

/// Another consumer of the same name took the member's place.
pub(super) struct TakenOver;

impl Delivery {
    pub(super) fn new(kind: SubscriptionType, windows: Vec<Window>) -> Self {
        Self {
            kind,
            members: Vec::new(),
            next_member: 1,
            windows,
            turn: 0,
            damage: None,
        }
    }

    pub(super) fn kind(&self) -> SubscriptionType {
        self.kind
    }

    pub(super) fn is_live(&self) -> bool {
        !self.members.is_empty()
    }

    pub(super) fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// Messages that are not acknowledged.
    pub(super) fn lag(&self) -> u64 {
        self.windows.iter().map(Window::lag).sum()
    }

    /// Names of the consumers that are here, each once.
    pub(super) fn consumers(&self) -> Vec<String> {
        let names: BTreeSet<&String> = self.members.iter().map(|member| &member.name).collect();
        names.into_iter().cloned().collect()
    }

    /// The topic has `len` partitions now; a new one has everything before it.
    pub(super) fn grow(&mut self, len: usize) {
        while self.windows.len() < len {
            self.windows.push(Window::new(self.kind, Cursor::default(), 0));
        }
    }

    /// Changes the type of a subscription that nobody consumes.
    pub(super) fn set_kind(&mut self, kind: SubscriptionType) {
        if kind != self.kind && self.members.is_empty() {
            self.kind = kind;
            self.windows.iter_mut().for_each(|window| window.restart(kind));
        }
    }

    /// Adds a consumer of all windows, or of one. One of the same name that reads any of them is replaced, and the new
    /// one keeps its place.
    pub(super) fn attach(
        &mut self,
        name: &str,
        kind: SubscriptionType,
        only: Option<usize>,
        unacknowledged_max: usize,
    ) -> Result<MemberId, BrokerError> {
        if kind != self.kind {
            return Err(conflict(format!("it is {:?} and was asked for as {kind:?}", self.kind)));
        }
        let other = self.members.iter().find(|m| m.name != name && m.overlaps(only));
        if let (SubscriptionType::Exclusive, Some(other)) = (kind, other) {
            return Err(conflict(format!(
                "it is Exclusive and consumer `{}` has it",
                other.name
            )));
        }
        let id = self.next_member;
        self.next_member += 1;
        let mut place = None;
        for at in (0..self.members.len()).rev() {
            if self.members.get(at).is_some_and(|m| m.name == name && m.overlaps(only)) {
                let before = self.members.remove(at);
                self.windows
                    .iter_mut()
                    .for_each(|window| window.give_back_all(before.id));
                place = Some(at);
            }
        }
        let member = Member {
            id,
            name: name.to_owned(),
            only,
            window: unacknowledged_max.max(1),
            in_flight: 0,
        };
        self.members.insert(place.unwrap_or(self.members.len()), member);
        Ok(id)
    }

    /// Removes a consumer; what it had waits again.
    pub(super) fn detach(&mut self, id: MemberId) {
        if let Some(at) = self.members.iter().position(|member| member.id == id) {
            self.members.remove(at);
            self.windows.iter_mut().for_each(|window| window.give_back_all(id));
        }
    }

    /// Gives a member what it may have now, up to `max`, and says what to read for more. With `can_load` false nothing
    /// is said, because the log cannot be read now.
    pub(super) fn take(&mut self, id: MemberId, max: usize, now: Instant, can_load: bool) -> Result<Turn, TakenOver> {
        let at = self
            .members
            .iter()
            .position(|member| member.id == id)
            .ok_or(TakenOver)?;
        let mut turn = Turn::default();
        let (before, rest) = self.members.split_at_mut(at);
        let Some((member, behind)) = rest.split_first_mut() else {
            return Err(TakenOver);
        };
        let others: Vec<&Member> = before.iter().chain(behind.iter()).collect();
        let is_failover = self.kind == SubscriptionType::Failover;
        let spreads = matches!(self.kind, SubscriptionType::Shared | SubscriptionType::KeyShared);
        let active = |window: usize| !is_failover || !before.iter().any(|earlier| earlier.covers(window));
        let n = self.windows.len();
        for i in (0..n).map(|i| (self.turn + i) % n) {
            let Some(window) = self.windows.get_mut(i).filter(|_| member.covers(i) && active(i)) else {
                continue;
            };
            let room = max
                .saturating_sub(turn.messages.len())
                .min(member.window.saturating_sub(member.in_flight));
            if room == 0 {
                break;
            }
            // Not all that waits while others could have some of it.
            let sharing = if spreads {
                1 + others.iter().filter(|other| other.covers(i)).count()
            } else {
                1
            };
            let share = window.waiting().div_ceil(sharing);
            member.in_flight += window.take(id, room.min(share), now, &mut turn.messages);
        }
        self.turn = if n == 0 { 0 } else { (self.turn + 1) % n };
        let has_room = member.in_flight < member.window;
        let starved = turn.messages.is_empty() && has_room;
        for (i, window) in self.windows.iter_mut().enumerate() {
            if !member.covers(i) || !active(i) {
                continue;
            }
            // Without room nothing that is due could be given; an acknowledgement makes room, and wakes.
            turn.due = [turn.due, window.next_due().filter(|_| has_room)]
                .into_iter()
                .flatten()
                .min();
            let load = can_load.then(|| window.next_load(starved)).flatten();
            turn.loads.extend(load.map(|load| (i, load)));
        }
        Ok(turn)
    }

    /// A member gives a message back until `due`.
    pub(super) fn nack(&mut self, id: MemberId, window: usize, offset: u64, due: Option<Instant>) {
        let had = self
            .windows
            .get_mut(window)
            .is_some_and(|window| window.give_back(id, offset, due));
        if had {
            self.free([id]);
        }
    }

    /// The window of a partition, to change what is known of the log; the members it names have room again.
    pub(super) fn update<T>(&mut self, window: usize, f: impl FnOnce(&mut Window) -> (Vec<MemberId>, T)) -> Option<T> {
        let (members, value) = f(self.windows.get_mut(window)?);
        self.free(members);
        Some(value)
    }

    fn free(&mut self, ids: impl IntoIterator<Item = MemberId>) {
        for id in ids {
            if let Some(member) = self.members.iter_mut().find(|member| member.id == id) {
                member.in_flight = member.in_flight.saturating_sub(1);
            }
        }
    }
}

fn conflict(why: String) -> BrokerError {
    BrokerError::new(ErrorKind::Conflict, why)
}
