//! Divides a batch into statements.

use crate::{Chain, Item};

/// Limits of one statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementLimits {
    /// Most writes.
    pub writes_max: usize,
    /// Most bytes of documents.
    pub bytes_max: usize,
}

/// Divides documents into statements, each with as many documents as the limits allow. The writes of one document are
/// never divided: a single document may exceed the limits.
pub fn cut<I: Item>(mut chains: &mut [Chain<I>], limits: StatementLimits) -> Vec<&mut [Chain<I>]> {
    let mut statements = Vec::new();
    while !chains.is_empty() {
        let (mut writes, mut bytes) = (0, 0);
        let fits = chains.iter().take_while(|chain| {
            let (needed, size) = chain.size();
            writes += needed;
            bytes += size;
            writes <= limits.writes_max && bytes <= limits.bytes_max
        });
        let fits = fits.count().max(1);
        let (statement, rest) = chains.split_at_mut(fits);
        statements.push(statement);
        chains = rest;
    }
    statements
}

#[cfg(test)]
mod tests {
    use danube_wasm_model::message::Operation::{Insert, Merge};

    use super::*;
    use crate::test_write::{chains, write};

    fn sizes(limits: StatementLimits, ids: &[&str]) -> Vec<usize> {
        let writes: Vec<_> = ids.iter().map(|id| write(id, Merge, 0)).collect();
        let mut chains = chains(&writes);
        cut(&mut chains, limits)
            .iter()
            .map(|statement| statement.len())
            .collect()
    }

    #[test]
    fn statements_are_bounded_by_writes() {
        let limits = StatementLimits {
            writes_max: 3,
            bytes_max: 1000,
        };
        assert_eq!(sizes(limits, &["a", "b", "c"]), [3]);
        assert_eq!(sizes(limits, &["a", "b", "c", "d"]), [3, 1]);
        assert_eq!(
            sizes(limits, &["a", "a", "b", "b", "b", "b"]),
            [1, 1],
            "a document is not divided"
        );
        assert_eq!(sizes(limits, &[]), [0; 0]);
    }

    #[test]
    fn statements_are_bounded_by_bytes() {
        let limits = StatementLimits {
            writes_max: 10,
            bytes_max: 4,
        };
        let mut writes: Vec<_> = ["a", "b", "c"].iter().map(|id| write(id, Insert, 0)).collect();
        let sizes = |writes: &[_]| {
            let mut chains = chains(writes);
            let statements = cut(&mut chains, limits);
            statements.iter().map(|statement| statement.len()).collect::<Vec<_>>()
        };
        assert_eq!(sizes(&writes), [2, 1], "two bytes each");
        writes[1].body = "[0,1]".into();
        assert_eq!(sizes(&writes), [1, 1, 1]);
    }
}
