//! Sorts the needed writes of documents into rounds.

use crate::{Chain, Item};

/// Writes in rounds: the k-th write that a document needs is in round k, so no round names a document twice, and
/// executing the rounds one after the other keeps the order of each document.
pub struct Rounds<'c, I> {
    /// The rounds, in order of execution.
    pub rounds: Vec<Vec<&'c mut I>>,
    /// How many writes are skipped because others supersede them.
    pub superseded: usize,
}

/// Sorts the needed writes of these documents into rounds.
pub fn rounds<I: Item>(chains: &mut [Chain<I>]) -> Rounds<'_, I> {
    let (mut rounds, mut superseded) = (Vec::new(), 0);
    for chain in chains {
        let all = chain.len();
        let needed = chain.needed();
        superseded += all - needed.len();
        for (round, item) in needed.into_iter().enumerate() {
            if rounds.len() == round {
                rounds.push(Vec::new());
            }
            rounds[round].push(item);
        }
    }
    Rounds { rounds, superseded }
}

#[cfg(test)]
mod tests {
    use danube_wasm_model::message::Operation::{Merge, Upsert};

    use super::*;
    use crate::test_write::{TestItem, chains, write};

    #[test]
    fn no_round_names_a_document_twice_and_documents_keep_their_order() {
        let writes = [
            write("a", Upsert, 1),
            write("b", Upsert, 1),
            write("a", Merge, 2),
            write("b", Upsert, 2),
            write("a", Merge, 3),
        ];
        let mut chains = chains(&writes);
        let Rounds { rounds, superseded } = rounds(&mut chains);
        let places = |round: &Vec<&mut TestItem<'_>>| round.iter().map(|item| item.place()).collect::<Vec<_>>();
        assert_eq!(
            rounds.iter().map(places).collect::<Vec<_>>(),
            [vec![0, 3], vec![2], vec![4]]
        );
        assert_eq!(superseded, 1);
    }
}
