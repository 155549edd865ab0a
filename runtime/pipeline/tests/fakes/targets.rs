//! Two tables, `orders` and `payments`, either of which can be unfit; writes of either can be put off.

use std::{
    collections::{BTreeSet, HashSet},
    sync::LazyLock,
    time::Duration,
};

use async_trait::async_trait;
use danube_wasm_model::{
    BatchWish, Targets,
    door::{Egress, EgressError, Later, Write, WriteReport},
    message::{MessageBatch, Operation, WriteBatch},
};
use parking_lot::Mutex;

static TARGETS: LazyLock<Targets> = LazyLock::new(|| Targets::from_iter(["orders", "payments"]));

/// See the module.
#[derive(Default)]
pub struct TwoTables {
    /// Bodies in the order in which they were written first.
    pub written: Mutex<Vec<String>>,
    pub unfit: Mutex<BTreeSet<&'static str>>,
    /// Writes whose body contains one of these are put off, with what follows them of their key or id.
    pub busy: Mutex<BTreeSet<&'static str>>,
    /// Each call's writes.
    pub calls: Mutex<Vec<Vec<Write>>>,
    /// The next so many calls do everything and lose the answer.
    pub lost_answers: Mutex<usize>,
}

impl TwoTables {
    pub fn bodies(&self) -> Vec<String> {
        self.written.lock().clone()
    }

    /// Calls with a write to this table.
    pub fn calls_of(&self, table: &str) -> usize {
        let has = |call: &&Vec<Write>| call.iter().any(|write| &*write.target == table);
        self.calls.lock().iter().filter(has).count()
    }

    /// Bodies of the writes of each call.
    pub fn bodies_of_calls(&self) -> Vec<Vec<String>> {
        let body = |write: &Write| String::from_utf8_lossy(&write.body).into_owned();
        let calls = self.calls.lock();
        calls.iter().map(|call| call.iter().map(body).collect()).collect()
    }

    fn put_off(&self, writes: &[Write]) -> Vec<usize> {
        let busy = self.busy.lock();
        let (mut keys, mut ids) = (HashSet::new(), HashSet::new());
        let mut places = Vec::new();
        for (place, write) in writes.iter().enumerate() {
            let body = String::from_utf8_lossy(&write.body);
            let follows = ids.contains(&write.id) || write.key.as_ref().is_some_and(|key| keys.contains(key));
            if follows || busy.iter().any(|word| body.contains(word)) {
                ids.insert(&write.id);
                keys.extend(&write.key);
                places.push(place);
            }
        }
        places
    }
}

#[async_trait]
impl Egress for TwoTables {
    async fn write(&self, writes: &[Write]) -> Result<WriteReport, EgressError> {
        self.calls.lock().push(writes.to_vec());
        let unfit = self.unfit.lock().clone();
        if let Some(write) = writes.iter().find(|write| unfit.contains(&*write.target)) {
            return Err(EgressError::Unfit {
                target: write.target.clone(),
                message: format!("there is no table {}", write.target),
            });
        }
        let places = self.put_off(writes);
        for (_, write) in writes.iter().enumerate().filter(|(place, _)| !places.contains(place)) {
            let body = String::from_utf8_lossy(&write.body).into_owned();
            let mut written = self.written.lock();
            if !written.contains(&body) {
                written.push(body);
            }
        }
        let mut lost_answers = self.lost_answers.lock();
        if *lost_answers > 0 {
            *lost_answers -= 1;
            return Err(EgressError::Transient {
                message: "the answer was lost".into(),
                retry_after: None,
            });
        }
        let later = Later {
            places,
            message: "the queue is full".into(),
            retry_after: Some(Duration::from_secs(2)),
        };
        Ok(WriteReport {
            later: Some(later)
                .filter(|later| !later.places.is_empty())
                .into_iter()
                .collect(),
            ..WriteReport::default()
        })
    }

    fn targets(&self) -> &Targets {
        &TARGETS
    }

    fn accepts(&self, target: &str, operation: Operation) -> bool {
        target == "orders" || operation != Operation::Delete
    }

    fn batch_wish(&self) -> BatchWish {
        BatchWish {
            messages_max: 2,
            ..BatchWish::DEFAULT
        }
    }

    async fn ready(&self) -> Result<(), EgressError> {
        Ok(())
    }
}

/// The table that a body names: `orders 1` goes to `orders`, `both 1` to both.
pub fn by_table(messages: &MessageBatch) -> WriteBatch {
    let mut writes = WriteBatch::default();
    for i in 0..messages.len() {
        let body = messages.payloads.text(i);
        let tables = ["orders", "payments"];
        for table in tables
            .iter()
            .filter(|table| body.starts_with(**table) || body.starts_with("both"))
        {
            writes.targets.push(table);
            match body.starts_with("both") {
                true => writes.payloads.push(format!("{table} of {body}").as_bytes()),
                false => writes.payloads.push_input(i as u32),
            }
            writes.origins.push(&[i as u32]);
        }
    }
    writes
}
