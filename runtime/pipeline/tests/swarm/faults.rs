//! The faults outside the pipeline, and when they happen.

use std::time::Duration;

use tokio::time::Instant;

use super::rng::Rng;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Every call to the broker fails.
    BrokerDown,
    /// The broker's disk is full.
    BrokerStorage,
    /// The broker is slow.
    BrokerSlow,
    /// Single groups of a publish fail.
    GroupFails,
    /// A publish is committed and its answer is lost.
    PublishReplyLost,
    /// An acknowledgement is lost.
    AckLost,
    /// An acknowledgement is taken and its answer is lost.
    AckReplyLost,
    /// A nack fails.
    NackFails,
    /// Subscribing and creating a topic fail.
    SubscribeFails,
    /// Reading fails.
    ReceiveFails,
    /// Reading fails, and unacknowledged messages are delivered again.
    SessionLost,
    /// The target can't be reached.
    TargetTransient,
    /// The target is busy and returns a time after which to retry.
    TargetBusy,
    /// The target's credentials are wrong.
    TargetConfiguration,
    /// One of the tables takes no writes.
    TargetUnfit,
    /// Some writes of a batch are put off.
    TargetLater,
    /// A write is done and its answer is lost.
    TargetReplyLost,
    /// A part of a write is done, then the connection is lost.
    TargetPart,
    /// The target is slow.
    TargetSlow,
    /// A component traps independent of its input.
    GuestTraps,
    /// The host can't start components.
    GuestHost,
    /// A component is slow.
    GuestSlow,
}

const FAULTS: [Fault; 22] = {
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
        TargetUnfit,
        TargetLater,
        TargetReplyLost,
        TargetPart,
        TargetSlow,
        GuestTraps,
        GuestHost,
        GuestSlow,
    ]
};

/// A fault and when it is active.
#[derive(Debug)]
struct FaultPeriod {
    fault: Fault,
    from: Instant,
    to: Instant,
    /// Percentage of calls that fail while it is active.
    percent: u64,
}

/// All faults of one run.
#[derive(Debug)]
pub struct FaultSchedule(Vec<FaultPeriod>);

impl FaultSchedule {
    /// Draws faults between now and `within` later.
    pub fn draw(within: Duration, rng: &Rng) -> Self {
        let begun = Instant::now();
        let until = begun + within;
        let periods = (0..rng.between(0..=10)).map(|_| {
            let from = begun + rng.millis(0..=within.as_millis() as u64);
            FaultPeriod {
                fault: rng.pick(&FAULTS),
                from,
                to: until.min(from + rng.millis(200..=20_000)),
                percent: rng.pick(&[10, 40, 100]),
            }
        });
        Self(periods.collect())
    }

    /// Whether this call gets the fault.
    pub fn strikes(&self, fault: Fault, rng: &Rng) -> bool {
        let now = Instant::now();
        self.0
            .iter()
            .any(|period| period.fault == fault && period.from <= now && now < period.to && rng.chance(period.percent))
    }

    /// Whether no fault was active from then until now.
    pub fn no_faults_since(&self, then: Instant) -> bool {
        let now = Instant::now();
        self.0.iter().all(|period| period.to <= then || now < period.from)
    }

    pub fn describe(&self, begun: Instant) -> String {
        let period = |s: &FaultPeriod| {
            let (from, to) = ((s.from - begun).as_millis(), (s.to - begun).as_millis());
            format!("{:?} {}% {from}..{to}", s.fault, s.percent)
        };
        self.0.iter().map(period).collect::<Vec<_>>().join(", ")
    }
}
