//! What is done with a slot: read on, take a snapshot, or stop because changes are lost. No I/O.
//!
//! A server moves a reader that asks for less than the slot still has silently forward. So what this source noted is compared
//! with what the slot says, before anything is read. The note is written before the server is told, so it is never behind a
//! slot that only this source has read.

use crate::{
    config::{Name, OnSlotLost, SnapshotMode},
    lsn::Lsn,
    notes::{Note, Progress},
};

/// What the catalogs say of a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) database: String,
    pub(crate) plugin: String,
    pub(crate) confirmed: Lsn,
    /// Why the server can no longer serve it.
    pub(crate) lost: Option<String>,
    /// Who reads it, for people.
    pub(crate) reader: Option<String>,
}

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct System {
    pub(crate) id: String,
    pub(crate) timeline: u32,
    /// Where the timelines before ended: each its number and the end.
    pub(crate) history: Vec<(u32, Lsn)>,
    /// How far its log is on disk.
    pub(crate) flushed: Lsn,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Read on from where the slot stands.
    Stream,
    /// Make the slot, and read from there.
    Create,
    /// Read all rows, then the changes since.
    Snapshot {
        /// There is a slot of the name that is of no use.
        drops_slot: bool,
    },
    /// A snapshot was not finished: read the changes since, all rows as they are now, then the changes after these.
    SnapshotAgain {
        /// Where the first one began; none if no row of it was read.
        since: Option<Lsn>,
    },
}

/// Why nothing is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SlotError {
    /// Changes are lost.
    Gap(String),
    /// The slot cannot be this source's.
    Foreign(String),
    /// Somebody reads it.
    InUse(String),
}

/// What the operator chose.
#[derive(Debug, Clone)]
pub(crate) struct Choices<'a> {
    pub(crate) slot: &'a Name,
    pub(crate) database: &'a str,
    pub(crate) snapshot: SnapshotMode,
    pub(crate) on_slot_lost: OnSlotLost,
}

/// See the module.
pub(crate) fn plan(
    choices: &Choices<'_>,
    note: Option<&Note>,
    slot: Option<&Slot>,
    system: &System,
) -> Result<Plan, SlotError> {
    if let Some(slot) = slot {
        usable(choices, slot)?;
    }
    let Some(note) = note else {
        return first(choices, slot);
    };
    if note.progress == Progress::Begun {
        return resume_begun(choices, note, slot, system);
    }
    match (lost(choices.slot, note, slot, system), choices.on_slot_lost) {
        (None, _) => Ok(resume(choices, note.progress)),
        (Some(_), OnSlotLost::Snapshot) => Ok(Plan::Snapshot {
            drops_slot: slot.is_some(),
        }),
        (Some(why), OnSlotLost::Stop) => Err(SlotError::Gap(format!(
            "{why}. To accept that, write `on_slot_lost = \"snapshot\"`: all tables are then read anew, but rows that were deleted \
             meanwhile are not found by that"
        ))),
    }
}

/// Whatever is noted.
fn usable(choices: &Choices<'_>, slot: &Slot) -> Result<(), SlotError> {
    let name = choices.slot;
    if slot.plugin != "pgoutput" {
        let kind = if slot.plugin.is_empty() {
            "physical replication".to_owned()
        } else {
            format!("the plugin `{}`", slot.plugin)
        };
        return Err(SlotError::Foreign(format!(
            "the slot `{name}` is one of {kind}, and `pgoutput` is needed: give `slot` another name"
        )));
    }
    if slot.database != choices.database {
        return Err(SlotError::Foreign(format!(
            "the slot `{name}` is one of the database `{}`, and `url` says `{}`: give `slot` another name",
            slot.database, choices.database
        )));
    }
    match &slot.reader {
        Some(reader) => Err(SlotError::InUse(format!(
            "the slot `{name}` is in use by {reader}: it is tried again until that ends. Two sources cannot read one slot"
        ))),
        None => Ok(()),
    }
}

/// Nothing is noted: the source begins.
fn first(choices: &Choices<'_>, slot: Option<&Slot>) -> Result<Plan, SlotError> {
    let name = choices.slot;
    match (choices.snapshot, slot) {
        (SnapshotMode::Initial, None) => Ok(Plan::Snapshot { drops_slot: false }),
        (SnapshotMode::Never, None) => Ok(Plan::Create),
        (SnapshotMode::Never, Some(slot)) => match &slot.lost {
            None => Ok(Plan::Stream),
            Some(why) => Err(SlotError::Foreign(format!(
                "the server can no longer serve the slot `{name}` ({why}): drop it, and a new one is made"
            ))),
        },
        (SnapshotMode::Initial, Some(_)) => Err(SlotError::Foreign(format!(
            "the slot `{name}` is there, and this source has no note of having read it: a snapshot cannot be joined to it without a gap. \
             Drop it (`SELECT pg_drop_replication_slot('{name}')`) to begin with a snapshot, or write `snapshot = \"never\"` to read on \
             from where it stands"
        ))),
    }
}

/// A snapshot was begun, and nothing was read: a slot that is there is the one that was made for it.
fn resume_begun(choices: &Choices<'_>, note: &Note, slot: Option<&Slot>, system: &System) -> Result<Plan, SlotError> {
    let is_ours = |slot: &Slot| slot.lost.is_none() && note.system == system.id;
    match slot {
        Some(slot) if is_ours(slot) => Ok(resume(choices, note.progress)),
        _ => first(choices, slot),
    }
}

fn resume(choices: &Choices<'_>, progress: Progress) -> Plan {
    match (progress, choices.snapshot) {
        (Progress::Changes, _) | (_, SnapshotMode::Never) => Plan::Stream,
        (Progress::Begun, SnapshotMode::Initial) => Plan::SnapshotAgain { since: None },
        (Progress::Rows { since }, SnapshotMode::Initial) => Plan::SnapshotAgain { since: Some(since) },
    }
}

/// What is lost, if anything is.
fn lost(name: &Name, note: &Note, slot: Option<&Slot>, system: &System) -> Option<String> {
    let last = note.lsn;
    if note.system != system.id {
        return Some(format!(
            "the server is another system ({}) than the one that was read up to {last} ({}): its log and its rows are others",
            system.id, note.system
        ));
    }
    let end_of_old = system.history.iter().find(|(timeline, _)| *timeline == note.timeline);
    if let Some((timeline, end)) = end_of_old
        && *end < last
    {
        return Some(format!(
            "the server went over to timeline {} at {end}, and timeline {timeline} was read up to {last}: what was read between these \
             is not in the database any more",
            system.timeline
        ));
    }
    if system.flushed < last {
        return Some(format!(
            "the server's log ends at {}, and it was read up to {last}: it was set back, and what was read between these is not in the \
             database any more",
            system.flushed
        ));
    }
    let Some(slot) = slot else {
        return Some(format!(
            "the slot `{name}` is gone; it was confirmed up to {last}, and the changes since are lost"
        ));
    };
    if let Some(why) = &slot.lost {
        return Some(format!(
            "the server can no longer serve the slot `{name}` ({why}): the changes since {last} are lost"
        ));
    }
    (slot.confirmed > last).then(|| {
        format!(
            "the slot `{name}` stands at {}, and this source confirmed it up to {last}: it was dropped and made again, or advanced by \
             somebody else, and the changes between these are lost",
            slot.confirmed
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> Name {
        "s".parse().expect("a name")
    }

    fn note(lsn: u64) -> Note {
        Note {
            system: "1".to_owned(),
            timeline: 1,
            slot: "s".to_owned(),
            lsn: Lsn(lsn),
            progress: Progress::Changes,
            snapshots: Vec::new(),
        }
    }

    fn slot(confirmed: u64) -> Slot {
        Slot {
            database: "d".to_owned(),
            plugin: "pgoutput".to_owned(),
            confirmed: Lsn(confirmed),
            lost: None,
            reader: None,
        }
    }

    fn system() -> System {
        System {
            id: "1".to_owned(),
            timeline: 1,
            history: Vec::new(),
            flushed: Lsn(1000),
        }
    }

    fn decide(note: Option<&Note>, slot: Option<&Slot>, system: &System) -> Result<Plan, SlotError> {
        decide_with(SnapshotMode::Initial, OnSlotLost::Stop, note, slot, system)
    }

    fn decide_with(
        snapshot: SnapshotMode,
        on_slot_lost: OnSlotLost,
        note: Option<&Note>,
        slot: Option<&Slot>,
        system: &System,
    ) -> Result<Plan, SlotError> {
        let name = name();
        let choices = Choices {
            slot: &name,
            database: "d",
            snapshot,
            on_slot_lost,
        };
        plan(&choices, note, slot, system)
    }

    fn gap(note: &Note, slot: Option<&Slot>, system: &System) -> String {
        let decided = decide(Some(note), slot, system);
        let again = decide_with(SnapshotMode::Initial, OnSlotLost::Snapshot, Some(note), slot, system);
        let drops_slot = slot.is_some();
        assert_eq!(again, Ok(Plan::Snapshot { drops_slot }));
        match decided {
            Err(SlotError::Gap(message)) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_source_begins_with_a_snapshot_or_with_a_slot() {
        let never = |slot| decide_with(SnapshotMode::Never, OnSlotLost::Stop, None, slot, &system());
        assert_eq!(decide(None, None, &system()), Ok(Plan::Snapshot { drops_slot: false }));
        assert_eq!(never(None), Ok(Plan::Create));
        assert_eq!(never(Some(&slot(7))), Ok(Plan::Stream));
        assert!(matches!(
            decide(None, Some(&slot(7)), &system()),
            Err(SlotError::Foreign(_))
        ));
    }

    #[test]
    fn a_slot_that_is_where_it_was_left_or_behind_is_read_on() {
        for confirmed in [90, 100] {
            assert_eq!(
                decide(Some(&note(100)), Some(&slot(confirmed)), &system()),
                Ok(Plan::Stream)
            );
        }
    }

    #[test]
    fn a_slot_that_is_gone_recreated_or_advanced_is_a_gap() {
        assert!(gap(&note(100), None, &system()).contains("is gone; it was confirmed up to 0/64"));
        assert!(gap(&note(100), Some(&slot(101)), &system()).contains("stands at 0/65"));
        let lost = Slot {
            lost: Some("wal_removed".to_owned()),
            ..slot(90)
        };
        assert!(gap(&note(100), Some(&lost), &system()).contains("wal_removed"));
    }

    #[test]
    fn another_system_and_a_log_that_was_set_back_are_gaps() {
        let other = System {
            id: "2".to_owned(),
            ..system()
        };
        assert!(gap(&note(100), Some(&slot(100)), &other).contains("another system (2)"));
        let diverged = System {
            timeline: 2,
            history: vec![(1, Lsn(99))],
            ..system()
        };
        assert!(gap(&note(100), Some(&slot(90)), &diverged).contains("timeline 2 at 0/63"));
        let behind = System {
            flushed: Lsn(99),
            ..system()
        };
        assert!(gap(&note(100), Some(&slot(90)), &behind).contains("ends at 0/63"));
    }

    #[test]
    fn a_fail_over_behind_what_was_read_goes_on() {
        let failed_over = System {
            timeline: 2,
            history: vec![(1, Lsn(100))],
            ..system()
        };
        assert_eq!(
            decide(Some(&note(100)), Some(&slot(90)), &failed_over),
            Ok(Plan::Stream)
        );
    }

    #[test]
    fn a_snapshot_that_was_not_finished_is_taken_again_behind_what_was_committed_since() {
        let rows = Note {
            progress: Progress::Rows { since: Lsn(90) },
            ..note(100)
        };
        assert_eq!(
            decide(Some(&rows), Some(&slot(100)), &system()),
            Ok(Plan::SnapshotAgain { since: Some(Lsn(90)) })
        );
        assert!(gap(&rows, None, &system()).contains("is gone"));
        let never = decide_with(
            SnapshotMode::Never,
            OnSlotLost::Stop,
            Some(&rows),
            Some(&slot(100)),
            &system(),
        );
        assert_eq!(never, Ok(Plan::Stream));
    }

    #[test]
    fn a_snapshot_of_which_nothing_was_read_begins_with_or_without_its_slot() {
        let begun = Note {
            progress: Progress::Begun,
            ..note(0)
        };
        let decided = |slot| decide(Some(&begun), slot, &system());
        assert_eq!(decided(None), Ok(Plan::Snapshot { drops_slot: false }));
        let made = slot(100);
        assert_eq!(decided(Some(&made)), Ok(Plan::SnapshotAgain { since: None }));
        let lost = Slot {
            lost: Some("wal_removed".to_owned()),
            ..slot(90)
        };
        assert!(matches!(decided(Some(&lost)), Err(SlotError::Foreign(_))));
    }

    #[test]
    fn a_slot_of_others_is_left_alone() {
        let physical = Slot {
            plugin: String::new(),
            ..slot(1)
        };
        let elsewhere = Slot {
            database: "x".to_owned(),
            ..slot(1)
        };
        let read = Slot {
            reader: Some("process 7".to_owned()),
            ..slot(1)
        };
        assert!(matches!(
            decide(None, Some(&physical), &system()),
            Err(SlotError::Foreign(_))
        ));
        assert!(matches!(
            decide(None, Some(&elsewhere), &system()),
            Err(SlotError::Foreign(_))
        ));
        assert!(matches!(decide(None, Some(&read), &system()), Err(SlotError::InUse(_))));
    }
}
