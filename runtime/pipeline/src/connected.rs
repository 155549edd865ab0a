//! Which inputs of a batch belong together: those that outputs connect, directly or through others.

use danube_wasm_model::columns::Origins;
use tokio::task::coop::consume_budget;

/// Inputs by their place, in sets. Union-find.
pub(crate) struct Connected {
    parent: Vec<usize>,
}

impl Connected {
    /// So many inputs, each alone.
    pub(crate) fn new(inputs: usize) -> Self {
        Self {
            parent: (0..inputs).collect(),
        }
    }

    /// Puts the inputs of each of so many outputs into one set. Yields while there are many.
    pub(crate) async fn join_all(&mut self, origins: &Origins, outputs: usize) {
        if origins.is_identity() {
            return;
        }
        for output in 0..outputs {
            let mut inputs = origins.of(output);
            let Some(first) = inputs.next() else { continue };
            for other in inputs {
                consume_budget().await;
                self.join(first, other);
            }
        }
    }

    fn join(&mut self, one: usize, other: usize) {
        let (a, b) = (self.first(one), self.first(other));
        self.parent[a.max(b)] = a.min(b);
    }

    /// The first input of the set that this one is in.
    pub(crate) fn first(&mut self, input: usize) -> usize {
        let mut at = input;
        while self.parent[at] != at {
            self.parent[at] = self.parent[self.parent[at]];
            at = self.parent[at];
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn inputs_are_connected_through_others() {
        let mut connected = Connected::new(6);
        let mut origins = Origins::default();
        let outputs: [&[u32]; 4] = [&[4, 2], &[5, 4], &[1], &[]];
        outputs.iter().for_each(|inputs| origins.push(inputs));
        connected.join_all(&origins, outputs.len()).await;
        let firsts: Vec<usize> = (0..6).map(|input| connected.first(input)).collect();
        assert_eq!(firsts, [0, 1, 2, 3, 2, 2]);
    }
}
