//! Which writes of a batch the target puts off: some, and of one id or one key all that follow.

use std::collections::{BTreeSet, HashSet};

use danube_wasm_model::door::{Later, Write};

use super::rng::Rng;

/// Places of writes that are put off.
pub fn draw(writes: &[Write], rng: &Rng) -> BTreeSet<usize> {
    let percent = rng.pick(&[5, 30, 100]);
    let (mut documents, mut keys) = (HashSet::new(), HashSet::new());
    let mut places = BTreeSet::new();
    for (place, write) in writes.iter().enumerate() {
        let follows =
            documents.contains(&(&write.target, &write.id)) || write.key.as_ref().is_some_and(|key| keys.contains(key));
        if rng.chance(percent) || follows {
            documents.insert((&write.target, &write.id));
            keys.extend(&write.key);
            places.insert(place);
        }
    }
    places
}

/// As the target reports it: in up to two parts.
pub fn report(places: &BTreeSet<usize>, rng: &Rng) -> Vec<Later> {
    let later = |places: Vec<usize>| Later {
        places,
        message: "the queue is full".into(),
        retry_after: rng.chance(50).then(|| rng.millis(0..=3_000)),
    };
    let half = |rest| places.iter().copied().filter(|place| place % 2 == rest).collect();
    let parts: [Vec<usize>; 2] = [half(0), half(1)];
    parts.into_iter().filter(|part| !part.is_empty()).map(later).collect()
}
