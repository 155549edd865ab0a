//! A write on its way to its point.

use std::{collections::HashMap, sync::Arc};

use danube_wasm_egress_common::Item as _;
use danube_wasm_model::{door::Write, message::Operation};
use qdrant_client::qdrant::{PointId, PointStruct, Value, Vectors};

use crate::{
    collection::Collection,
    document::Document,
    fields::{ID, MODEL, ORDER_HI, ORDER_LO, RECORD},
    order::halves,
    payload::{integer, text},
    point_id::PointKey,
};

/// A write whose document was read and found right.
#[derive(Clone)]
pub(crate) struct Item<'w> {
    place: usize,
    write: &'w Write,
    pub(crate) key: PointKey,
    pub(crate) operation: Operation,
    /// Of deletes, empty.
    point: Arc<Point>,
}

/// What is written of a document.
#[derive(Default)]
struct Point {
    payload: HashMap<String, Value>,
    vectors: Option<Vectors>,
}

impl<'w> Item<'w> {
    /// `model` is that which made the vectors.
    pub(crate) fn new(
        place: usize,
        write: &'w Write,
        collection: &Collection,
        document: Document,
        vectors: Option<Vectors>,
        model: Option<&str>,
    ) -> Self {
        let id = document.id.as_deref().unwrap_or(&write.id);
        let mut payload = document.payload;
        if write.operation != Operation::Delete {
            payload.insert(ID.to_owned(), text(id));
            payload.extend(order_fields(write));
            payload.extend(model.map(|model| (MODEL.to_owned(), text(model))));
        }
        let operation = match (write.operation, &document.id) {
            // A document with an id of its own replaces that of the same, as with Danube Connect.
            (Operation::Insert, Some(_)) => Operation::Upsert,
            (operation, _) => operation,
        };
        Self {
            place,
            write,
            key: PointKey::of(id, collection.spec.ids),
            operation,
            point: Arc::new(Point { payload, vectors }),
        }
    }

    pub(crate) fn id(&self) -> PointId {
        self.key.into()
    }

    pub(crate) fn is_ordered(&self) -> bool {
        self.write.order > 0
    }

    pub(crate) fn payload(&self) -> HashMap<String, Value> {
        self.point.payload.clone()
    }

    pub(crate) fn vectors(&self) -> Option<Vectors> {
        self.point.vectors.clone()
    }

    /// The whole point.
    pub(crate) fn point(&self) -> PointStruct {
        PointStruct {
            id: Some(self.id()),
            payload: self.payload(),
            vectors: Some(self.vectors().unwrap_or_else(crate::vectors::none)),
        }
    }

    /// What a delete leaves in the collection of deletes.
    pub(crate) fn mark(&self) -> PointStruct {
        let mut payload: HashMap<_, _> = order_fields(self.write).into_iter().collect();
        payload.insert(ID.to_owned(), text(self.write.id.as_str()));
        PointStruct {
            id: Some(self.id()),
            payload,
            vectors: Some(crate::vectors::none()),
        }
    }

    pub(crate) fn source(&self) -> &Write {
        self.write()
    }
}

fn order_fields(write: &Write) -> Vec<(String, Value)> {
    if write.order == 0 {
        return Vec::new();
    }
    let (hi, lo) = halves(write.order);
    let mut fields = vec![(ORDER_HI.to_owned(), integer(hi)), (ORDER_LO.to_owned(), integer(lo))];
    let record = write.record.as_ref().map(|record| text(record.as_str()));
    fields.extend(record.map(|record| (RECORD.to_owned(), record)));
    fields
}

impl danube_wasm_egress_common::Item for Item<'_> {
    fn place(&self) -> usize {
        self.place
    }

    fn write(&self) -> &Write {
        self.write
    }
}
