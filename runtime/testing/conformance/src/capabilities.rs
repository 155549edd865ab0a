//! What the brokers can do, where they differ.

/// What a broker can do, where brokers differ. [`Capabilities::full`] is what the trait asks for; set the known
/// deviations on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The records of a group are all published or none. Otherwise each has its own result, and publishing the group
    /// again is safe.
    pub groups_are_atomic: bool,
    /// Confirmed records are on a disk. Otherwise they are in the broker's memory, and reported as such.
    pub publishes_durably: bool,
    /// A new subscription may start at the oldest message. Otherwise it starts at the end whatever was requested.
    pub starts_at_earliest: bool,
    /// When the active consumer of a Failover subscription is dropped, another takes over. Otherwise none does.
    pub fails_over: bool,
    /// An Exclusive subscription is free when its consumer was dropped. Otherwise that consumer's name holds it.
    pub frees_exclusive: bool,
    /// Acknowledged messages are not delivered again after a restart. Otherwise they may be.
    pub keeps_acknowledgements: bool,
    /// Messages may be acknowledged in any order. Otherwise the newest is refused while an older one is unacknowledged.
    pub acknowledges_in_any_order: bool,
    /// A handle works after a restart. Otherwise it is closed with the broker.
    pub handles_survive: bool,
    /// Reports the lag of subscriptions. Otherwise it reports none.
    pub tells_lag: bool,
    /// The registry refuses a version that is not compatible with the newest. Otherwise it registers it.
    pub refuses_incompatible: bool,
    /// Size of a payload that must be accepted, in bytes.
    pub payload_bytes: usize,
    /// Size of a payload that must be refused, in bytes.
    pub payload_bytes_refused: usize,
    /// Most messages delivered and not acknowledged, of a partition.
    pub window: usize,
}

impl Capabilities {
    /// Everything that the trait asks for.
    pub fn full() -> Self {
        Self {
            groups_are_atomic: true,
            publishes_durably: true,
            starts_at_earliest: true,
            fails_over: true,
            frees_exclusive: true,
            keeps_acknowledgements: true,
            acknowledges_in_any_order: true,
            handles_survive: true,
            tells_lag: true,
            refuses_incompatible: true,
            payload_bytes: 1 << 20,
            payload_bytes_refused: 32 << 20,
            window: 10,
        }
    }
    /// The embedded log.
    pub fn embedded_log() -> Self {
        Self {
            // The log lives in this process, and a handle ends with it.
            handles_survive: false,
            // Whoever registers compares; the log itself only keeps.
            refuses_incompatible: false,
            payload_bytes: (10 << 20) - 4096,
            payload_bytes_refused: 10 << 20,
            ..Self::full()
        }
    }

    /// `danube-wasm broker`, over our Danube client: it has no calls for lag and groups, and messages of 4 MiB at most, of which a
    /// part is for what dead letters say above their records.
    pub fn danube_wasm_broker() -> Self {
        Self {
            groups_are_atomic: false,
            tells_lag: false,
            payload_bytes: (4 << 20) - (40 << 10),
            payload_bytes_refused: 4 << 20,
            ..Self::full()
        }
    }

    /// NATS JetStream with its own `max_payload`, and so many copies of a topic.
    pub fn nats(replicas: u32) -> Self {
        Self {
            // One copy is gone with its disk, and never called durable.
            publishes_durably: replicas >= 3,
            // Whoever registers compares; the bucket only keeps.
            refuses_incompatible: false,
            // NATS takes messages of 1 MiB by default. Of that a part is for what dead letters say above their records.
            payload_bytes: (1 << 20) - (64 << 10),
            payload_bytes_refused: 1 << 20,
            ..Self::full()
        }
    }

    /// Danube 0.15.1.
    pub fn danube() -> Self {
        Self {
            // It answers first.
            publishes_durably: false,
            // There is no field for it.
            starts_at_earliest: false,
            // The active consumer is chosen when the first one comes, and never again.
            fails_over: false,
            // A consumer that is gone stays on its subscription until its topic is loaded anew.
            frees_exclusive: false,
            // Its position is saved every ten seconds.
            keeps_acknowledgements: false,
            // It takes the acknowledged message for one that is still to be read, and waits for it: the client does not let
            // it come to that.
            acknowledges_in_any_order: false,
            ..Self::danube_wasm_broker()
        }
    }

    /// What each case finds instead of what the trait asks for, by the case's name.
    pub(crate) fn deviations(&self) -> Vec<(&'static str, String)> {
        // A new one has to be put somewhere.
        let Self {
            groups_are_atomic,
            publishes_durably,
            starts_at_earliest,
            fails_over,
            frees_exclusive,
            keeps_acknowledgements,
            acknowledges_in_any_order,
            handles_survive,
            tells_lag,
            refuses_incompatible,
            payload_bytes: _,
            payload_bytes_refused,
            window: _,
        } = *self;
        let size = format!("up to {} MiB", payload_bytes_refused >> 20);
        let sized = [("what_is_too_large_is_refused_and_the_largest_arrives", size)];
        let by_flag = [
            (
                groups_are_atomic,
                "groups_have_fates_of_their_own",
                "each record by itself",
            ),
            (publishes_durably, "groups_have_fates_of_their_own", "not durable"),
            (
                starts_at_earliest,
                "a_new_one_begins_where_it_was_asked_to",
                "always at the end",
            ),
            (
                frees_exclusive,
                "an_exclusive_one_refuses_a_second_name",
                "also when the first is gone",
            ),
            (
                fails_over,
                "a_failover_one_has_one_active_consumer_and_then_the_next",
                "no next one",
            ),
            (
                keeps_acknowledgements,
                "positions_survive",
                "what is acknowledged may come again",
            ),
            (
                acknowledges_in_any_order,
                "what_is_acknowledged_does_not_come_again",
                "oldest first only",
            ),
            (handles_survive, "sessions_go_on", "they end with the process"),
            (tells_lag, "lag_is_told", "no"),
            (
                refuses_incompatible,
                "an_incompatible_version_is_refused",
                "by who registers it",
            ),
        ];
        let flagged = by_flag.into_iter().filter(|(is_so, ..)| !is_so);
        let flagged = flagged.map(|(_, case, instead)| (case, instead.to_owned()));
        sized.into_iter().chain(flagged).collect()
    }
}
