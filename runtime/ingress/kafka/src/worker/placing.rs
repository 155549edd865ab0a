//! Where assigned partitions are begun: where the group says, and where it says nothing, as the file does.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use danube_wasm_model::upstream::UpstreamError;

use super::{Worker, names};
use crate::{
    config::{OnOutOfRange, Start},
    consumer::{Committed, ConsumerError, ErrorKind, GroupConsumer, Partition},
};

/// How long it is waited before the group is asked again.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Partitions that are assigned and not begun yet.
pub(super) struct Placing {
    partitions: Vec<Partition>,
    at: Instant,
}

/// Where one is begun.
struct Place {
    partition: Partition,
    from: i64,
    /// The group has this offset.
    is_committed: bool,
    /// The group gets it at once: else what comes before the first commit would be passed over at the next start.
    is_to_commit: bool,
}

impl<C: GroupConsumer> Worker<C> {
    pub(super) fn assigned(&mut self, partitions: Vec<Partition>) -> Result<(), UpstreamError> {
        self.placing = Some(Placing {
            partitions,
            at: Instant::now(),
        });
        self.place_if_due()
    }

    /// Begins what is assigned. If the group cannot be asked, it is asked again later; meanwhile the others are read on.
    pub(super) fn place_if_due(&mut self) -> Result<(), UpstreamError> {
        let Some(placing) = self.placing.take_if(|placing| Instant::now() >= placing.at) else {
            return Ok(());
        };
        match self.places(&placing.partitions)? {
            Ok(places) => self.begin(places),
            Err(error) if error.kind == ErrorKind::Fenced || self.is_refused_at_first(&error) => {
                return Err(error.into_upstream(&self.config.address, false));
            }
            Err(error) => {
                tracing::warn!(
                    connector = self.config.connector,
                    error = error.message,
                    "the group's offsets are not known yet; it is asked again"
                );
                let trouble = format!("Kafka at {}: {}", self.config.address, error.message);
                self.trouble = Some(trouble.clone());
                self.state.inbox.set_trouble(Some(trouble));
                self.placing = Some(Placing {
                    at: Instant::now() + AGAIN_AFTER,
                    ..placing
                });
            }
        }
        Ok(())
    }

    /// A source that has read before goes on trying.
    fn is_refused_at_first(&self, error: &ConsumerError) -> bool {
        matches!(error.kind, ErrorKind::Configuration | ErrorKind::NotAdmitted)
            && self.config.epochs.load(Ordering::Relaxed) == 0
    }

    /// Where each is begun, if the group can be asked; a gap ends the session.
    fn places(&self, partitions: &[Partition]) -> Result<Result<Vec<Place>, ConsumerError>, UpstreamError> {
        let committed: Result<Committed, _> = match partitions {
            [] => Ok(Vec::new()),
            some => self.consumer.committed(some),
        };
        let committed = match committed {
            Ok(committed) => committed,
            Err(error) => return Ok(Err(error)),
        };
        let mut places = Vec::with_capacity(committed.len());
        for (partition, offset) in committed {
            let place = match offset {
                Some(from) => Ok(Place {
                    partition,
                    from,
                    is_committed: true,
                    is_to_commit: false,
                }),
                None => self.new_place(partition)?,
            };
            match place {
                Ok(place) => places.push(place),
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(places))
    }

    /// Where one is begun that the group has no offset of.
    fn new_place(&self, partition: Partition) -> Result<Result<Place, ConsumerError>, UpstreamError> {
        let had = self.config.noted.get(&partition.to_string()).copied();
        let on_gap = self.config.reading.on_out_of_range;
        let start = match (had, on_gap) {
            (None, _) => self.config.reading.start,
            (Some(had), OnOutOfRange::Stop) => return Err(self.forgotten(&partition, had)),
            (Some(had), on_gap) => {
                tracing::warn!(connector = self.config.connector, %partition, had, "the group has forgotten its offset; going on as `on_out_of_range` says");
                self.config.counters.repositioned();
                match on_gap {
                    OnOutOfRange::Latest => Start::Latest,
                    _ => Start::Earliest,
                }
            }
        };
        Ok(self.consumer.range(&partition).map(|(oldest, next)| Place {
            from: if start == Start::Earliest { oldest } else { next },
            is_to_commit: start == Start::Latest,
            is_committed: false,
            partition,
        }))
    }

    fn forgotten(&self, partition: &Partition, had: i64) -> UpstreamError {
        let (address, group) = (&self.config.address, &self.config.group);
        UpstreamError::Gap {
            message: format!(
                "Kafka at {address}: the group `{group}` had committed offset {had} of {partition} and has none now, so nobody knows what \
                 was not read. If the topic was made anew, raise `generation`; if the group's offsets expired or were deleted, set them \
                 again, or write `on_out_of_range = \"earliest\"`, which reads again what is there"
            ),
        }
    }

    fn begin(&mut self, places: Vec<Place>) {
        let offsets: Vec<_> = places
            .iter()
            .map(|place| (place.partition.clone(), place.from))
            .collect();
        let partitions: Vec<_> = places.iter().map(|place| place.partition.clone()).collect();
        for place in places {
            let epoch = self.next_epoch();
            let Place {
                partition,
                from,
                is_committed,
                is_to_commit,
            } = place;
            self.state.positions.begin(&partition, epoch, from, is_committed);
            if is_to_commit {
                // It cannot fail for this epoch: a group that cannot be told is told again.
                let _ = self.state.positions.confirm(&partition.stream(), epoch, from);
            }
            let is_new = !is_committed && !is_to_commit;
            self.owned.begin(partition, epoch, from, is_new);
        }
        if let Err(error) = self.consumer.assign(&offsets) {
            // It is polled again what the group says then.
            tracing::warn!(
                connector = self.config.connector,
                error = error.message,
                partitions = names(&partitions),
                "partitions could not be taken"
            );
        }
        self.trouble = None;
        self.state.inbox.set_trouble(None);
        self.hold_back(&partitions);
        self.moved("assigned", partitions.len());
        if !partitions.is_empty() {
            tracing::info!(
                connector = self.config.connector,
                partitions = names(&partitions),
                "reads partitions"
            );
        }
    }

    pub(super) fn next_epoch(&self) -> u64 {
        self.config.epochs.fetch_add(1, Ordering::Relaxed) + 1
    }
}
