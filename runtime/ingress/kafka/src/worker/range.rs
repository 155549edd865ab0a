//! What happens when the next offset of a partition is not there: records were deleted before they were read, or the end was cut off.

use std::cmp::Ordering;

use danube_wasm_model::upstream::UpstreamError;

use super::{Worker, owned::Reading};
use crate::{
    config::OnOutOfRange,
    consumer::{ConsumerError, GroupConsumer, Partition},
};

/// A partition whose next offset is not there.
struct Gap {
    partition: Partition,
    reading: Reading,
    oldest: i64,
    end: i64,
}

impl<C: GroupConsumer> Worker<C> {
    /// librdkafka says that some partition is, and not which.
    pub(super) fn out_of_range(&mut self) -> Result<(), UpstreamError> {
        match self.gaps() {
            Ok(gaps) => gaps.into_iter().try_for_each(|gap| self.bridge(&gap)),
            // It says so again when it has fetched again.
            Err(error) => {
                tracing::warn!(
                    connector = self.config.connector,
                    error = error.message,
                    "an offset is out of range, and the partition's range is not known yet"
                );
                self.again();
                Ok(())
            }
        }
    }

    fn gaps(&self) -> Result<Vec<Gap>, ConsumerError> {
        let mut gaps = Vec::new();
        for (partition, reading) in self.owned.all() {
            let (oldest, end) = self.consumer.range(&partition)?;
            if reading.next < oldest || reading.next > end {
                gaps.push(Gap {
                    partition,
                    reading,
                    oldest,
                    end,
                });
            }
        }
        Ok(gaps)
    }

    /// Fetches everything again from where it is: what was out of range stays so, and what was not goes on.
    fn again(&self) {
        let next: Vec<_> = self
            .owned
            .all()
            .into_iter()
            .map(|(partition, reading)| (partition, reading.next))
            .collect();
        if let Err(error) = self.consumer.seek(&next) {
            tracing::warn!(
                connector = self.config.connector,
                error = error.message,
                "partitions could not be fetched again"
            );
        }
    }

    fn bridge(&mut self, gap: &Gap) -> Result<(), UpstreamError> {
        let on_gap = self.config.reading.on_out_of_range;
        let to = match (on_gap, gap.reading.is_new) {
            // Nothing was read of it, and it is begun with the oldest record there is.
            (_, true) => gap.oldest,
            (OnOutOfRange::Stop, false) => return Err(self.gap(gap)),
            (OnOutOfRange::Earliest, false) => gap.oldest,
            (OnOutOfRange::Latest, false) => gap.end,
        };
        if !gap.reading.is_new {
            self.config.counters.repositioned();
        }
        let Gap { partition, reading, .. } = gap;
        tracing::warn!(connector = self.config.connector, %partition, from = reading.next, to, "the next offset is not there; going on with another one");
        let epoch = self.next_epoch();
        self.state.inbox.purge(std::slice::from_ref(partition));
        self.state.positions.begin(partition, epoch, to, false);
        self.owned.begin(partition.clone(), epoch, to, reading.is_new);
        let sought = self.consumer.seek(&[(partition.clone(), to)]);
        sought.map_err(|error| UpstreamError::Disconnected {
            message: format!("Kafka at {}: {}", self.config.address, error.message),
        })
    }

    fn gap(&self, gap: &Gap) -> UpstreamError {
        let Gap {
            partition,
            reading,
            oldest,
            end,
        } = gap;
        let (address, group, next) = (&self.config.address, &self.config.group, reading.next);
        let what = match next.cmp(oldest) {
            Ordering::Less => format!(
                "records {next} to {} of {partition} were deleted before the group `{group}` read them; the oldest there is has offset \
                 {oldest}. Give the topic more `retention.ms` or `retention.bytes`",
                oldest - 1
            ),
            _ => format!(
                "{partition} ends at offset {end}, and the group `{group}` has read up to {next}: the topic was made anew, or its end was \
                 lost in an election. If it was made anew, raise `generation`"
            ),
        };
        UpstreamError::Gap {
            message: format!(
                "Kafka at {address}: {what}. To go on, write `on_out_of_range = \"earliest\"` or `\"latest\"`, or set the group's offset"
            ),
        }
    }
}
