//! Vectors that were made, so that a text that comes again is not paid for again.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use crate::config::Embedding;

/// By model and text. The oldest goes first.
pub(super) struct Cache {
    bytes_max: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    vectors: HashMap<[u8; 32], Vec<f32>>,
    by_age: VecDeque<[u8; 32]>,
    bytes: usize,
}

impl Cache {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            kept: Mutex::default(),
        }
    }

    pub(super) fn get(&self, config: &Embedding, text: &str) -> Option<Vec<f32>> {
        self.kept.lock().vectors.get(&key(config, text)).cloned()
    }

    pub(super) fn put(&self, config: &Embedding, text: &str, vector: &[f32]) {
        let bytes = size(vector);
        if bytes > self.bytes_max {
            return;
        }
        let mut kept = self.kept.lock();
        let kept = &mut *kept;
        while kept.bytes + bytes > self.bytes_max {
            let Some(oldest) = kept.by_age.pop_front() else { break };
            kept.bytes -= kept.vectors.remove(&oldest).map_or(0, |vector| size(&vector));
        }
        let key = key(config, text);
        if kept.vectors.insert(key, vector.to_vec()).is_none() {
            kept.by_age.push_back(key);
            kept.bytes += bytes;
        }
    }
}

fn size(vector: &[f32]) -> usize {
    // With its key, twice.
    size_of_val(vector) + 64
}

fn key(config: &Embedding, text: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [config.model.as_str(), text] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.update(config.dimensions.unwrap_or_default().to_le_bytes());
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn config(model: &str) -> Embedding {
        Embedding {
            url: "http://localhost/v1".parse().expect("a URL"),
            model: model.to_owned(),
            api_key: None,
            text_pointer: "/text".parse().expect("a pointer"),
            vector: String::new(),
            dimensions: None,
            batch: 1,
            cache_bytes: 0,
            timeout: Duration::from_secs(1),
        }
    }

    #[test]
    fn the_oldest_goes_first_and_models_are_apart() {
        let cache = Cache::new(3 * size(&[0.0; 4]));
        let model = config("m");
        for text in ["a", "b", "c", "d"] {
            cache.put(&model, text, &[1.0; 4]);
        }
        let is_there: Vec<_> = ["a", "b", "c", "d"]
            .map(|text| cache.get(&model, text).is_some())
            .into();
        assert_eq!(is_there, [false, true, true, true]);
        assert_eq!(cache.get(&config("n"), "b"), None);
        cache.put(&model, "e", &[1.0; 4096]);
        assert_eq!(cache.get(&model, "e"), None, "larger than all of it");
    }
}
