//! Which inputs of a batch belong together: those that outputs connect, directly or through others.

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

    /// Puts all of these into one set.
    pub(crate) fn join(&mut self, mut inputs: impl Iterator<Item = usize>) {
        let Some(first) = inputs.next() else { return };
        for other in inputs {
            let (a, b) = (self.first(first), self.first(other));
            self.parent[a.max(b)] = a.min(b);
        }
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

    #[test]
    fn inputs_are_connected_through_others() {
        let mut connected = Connected::new(6);
        connected.join([4, 2].into_iter());
        connected.join([5, 4].into_iter());
        connected.join([1].into_iter());
        connected.join([].into_iter());
        let firsts: Vec<usize> = (0..6).map(|input| connected.first(input)).collect();
        assert_eq!(firsts, [0, 1, 2, 3, 2, 2]);
    }
}
