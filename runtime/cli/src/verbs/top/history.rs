//! The rates of the last minutes, by connector.

use std::collections::HashMap;

use super::view::Connector;

/// Moments that are kept: more than a screen is wide.
const MOMENTS_MAX: usize = 512;

/// Records a second, the newest last.
#[derive(Debug, Default)]
pub(super) struct History(HashMap<String, Vec<u64>>);

impl History {
    /// A moment of these connectors; others are forgotten.
    pub(super) fn add(&mut self, connectors: &[Connector]) {
        self.0
            .retain(|id, _| connectors.iter().any(|connector| connector.id == *id));
        for connector in connectors {
            let rates = self.0.entry(connector.id.clone()).or_default();
            // A rate is not negative, and shown in whole records.
            rates.push(connector.processed_per_sec.max(0.0).round() as u64);
            let begin = rates.len().saturating_sub(MOMENTS_MAX);
            rates.drain(..begin);
        }
    }

    /// The last so many moments of a connector.
    pub(super) fn of(&self, id: &str, moments: usize) -> &[u64] {
        let rates = self.0.get(id).map_or(&[][..], Vec::as_slice);
        &rates[rates.len().saturating_sub(moments)..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_moments_are_kept_and_those_of_removed_connectors_are_not() {
        let at = |id: &str, rate: f64| Connector {
            id: id.to_owned(),
            processed_per_sec: rate,
            ..Connector::default()
        };
        let mut history = History::default();
        for moment in 0..=MOMENTS_MAX {
            history.add(&[at("a", moment as f64), at("b", 1.0)]);
        }
        assert_eq!(history.of("a", 2), [511, 512]);
        assert_eq!(history.of("a", usize::MAX).len(), MOMENTS_MAX);
        history.add(&[at("a", 0.4)]);
        assert_eq!((history.of("a", 1), history.of("b", 9)), (&[0][..], &[][..]));
    }
}
