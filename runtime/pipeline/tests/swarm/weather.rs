//! What goes wrong outside the pipeline, and when.

use std::time::Duration;

use tokio::time::Instant;

use super::dice::Dice;

/// A kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The broker answers nothing.
    BrokerDown,
    /// The broker's disk is full.
    BrokerStorage,
    /// The broker takes its time.
    BrokerSlow,
    /// Single groups of a publish fail.
    GroupFails,
    /// A publish is committed and its answer is lost.
    PublishReplyLost,
    /// An acknowledgement is lost.
    AckLost,
    /// An acknowledgement is taken and its answer is lost.
    AckReplyLost,
    /// A message can't be given back.
    NackFails,
    /// Starting fails.
    SubscribeFails,
    /// Reading fails.
    ReceiveFails,
    /// Reading fails, and what was read and not acknowledged comes again.
    SessionLost,
    /// The target is out of reach.
    TargetTransient,
    /// The target says when to come back.
    TargetBusy,
    /// The target's credentials are wrong.
    TargetConfiguration,
    /// A write is done and its answer is lost.
    TargetReplyLost,
    /// A part of a write is done, then the target goes away.
    TargetPart,
    /// The target takes its time.
    TargetSlow,
    /// A component traps now and then, whatever it is given.
    GuestTraps,
    /// The host can't run components.
    GuestHost,
    /// A component takes its time.
    GuestSlow,
}

const FAULTS: [Fault; 20] = {
    use Fault::*;
    [
        BrokerDown,
        BrokerStorage,
        BrokerSlow,
        GroupFails,
        PublishReplyLost,
        AckLost,
        AckReplyLost,
        NackFails,
        SubscribeFails,
        ReceiveFails,
        SessionLost,
        TargetTransient,
        TargetBusy,
        TargetConfiguration,
        TargetReplyLost,
        TargetPart,
        TargetSlow,
        GuestTraps,
        GuestHost,
        GuestSlow,
    ]
};

/// Trouble for a time.
#[derive(Debug)]
struct Spell {
    fault: Fault,
    from: Instant,
    to: Instant,
    /// So many of a hundred calls are struck.
    percent: u64,
}

/// All trouble of one run.
#[derive(Debug)]
pub struct Weather(Vec<Spell>);

impl Weather {
    /// Trouble within the time from now.
    pub fn draw(within: Duration, dice: &Dice) -> Self {
        let begun = Instant::now();
        let until = begun + within;
        let spells = (0..dice.between(0..=10)).map(|_| {
            let from = begun + dice.millis(0..=within.as_millis() as u64);
            Spell {
                fault: dice.pick(&FAULTS),
                from,
                to: until.min(from + dice.millis(200..=20_000)),
                percent: dice.pick(&[10, 40, 100]),
            }
        });
        Self(spells.collect())
    }

    /// Whether the fault strikes this call.
    pub fn strikes(&self, fault: Fault, dice: &Dice) -> bool {
        let now = Instant::now();
        self.0
            .iter()
            .any(|spell| spell.fault == fault && spell.from <= now && now < spell.to && dice.chance(spell.percent))
    }

    /// Whether nothing was wrong from then until now.
    pub fn calm_since(&self, then: Instant) -> bool {
        let now = Instant::now();
        self.0.iter().all(|spell| spell.to <= then || now < spell.from)
    }

    pub fn describe(&self, begun: Instant) -> String {
        let spell = |s: &Spell| {
            let (from, to) = ((s.from - begun).as_millis(), (s.to - begun).as_millis());
            format!("{:?} {}% {from}..{to}", s.fault, s.percent)
        };
        self.0.iter().map(spell).collect::<Vec<_>>().join(", ")
    }
}
