//! Writes for the tests of this crate.

use danube_wasm_model::{door::Write, message::Operation};

use crate::{Chain, Item};

#[derive(Clone)]
pub(crate) struct TestItem<'w> {
    place: usize,
    write: &'w Write,
}

impl Item for TestItem<'_> {
    fn place(&self) -> usize {
        self.place
    }

    fn write(&self) -> &Write {
        self.write
    }
}

pub(crate) fn write(id: &str, operation: Operation, order: u64) -> Write {
    Write {
        target: "t".into(),
        id: id.to_owned(),
        operation,
        order,
        record: None,
        body: "{}".into(),
        types: None,
        key: None,
        redelivered: true,
    }
}

/// Groups writes by document, in the order of their first writes.
pub(crate) fn chains(writes: &[Write]) -> Vec<Chain<TestItem<'_>>> {
    let mut chains: Vec<Chain<TestItem<'_>>> = Vec::new();
    for (place, write) in writes.iter().enumerate() {
        let item = TestItem { place, write };
        let document = Some((&*write.target, write.id.as_str()));
        match chains.iter_mut().find(|chain| chain.document() == document) {
            Some(chain) => chain.push(item),
            None => chains.push(Chain::of(item)),
        }
    }
    chains
}
