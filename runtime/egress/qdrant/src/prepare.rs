//! From writes to points: documents are read, texts become vectors, and everything is checked before anything is sent.

use std::collections::HashMap;

use danube_wasm_egress_common::Chain;
use danube_wasm_model::{door::Write, message::Operation};
use qdrant_client::qdrant::Vectors;
use tokio::task::coop::consume_budget;

use crate::{
    collection::{Collection, Shape},
    document::{self, Document},
    embed::Embedder,
    fault::Fault,
    item::Item,
    vectors::{self, Rules},
};

/// A write with its place in the batch.
pub(crate) type Placed<'w> = (usize, &'w Write);

/// Documents that were read, and what was refused of a batch.
pub(crate) struct Read<'w> {
    documents: Vec<(Placed<'w>, Document, Option<Vec<f32>>)>,
    pub(crate) refused: Vec<(usize, String)>,
}

/// Reads the documents.
pub(crate) async fn read<'w>(writes: &[Placed<'w>], collection: &Collection) -> Read<'w> {
    let mut read = Read {
        documents: Vec::with_capacity(writes.len()),
        refused: Vec::new(),
    };
    for &(place, write) in writes {
        consume_budget().await;
        let document = match write.operation {
            Operation::Delete => Ok(Document::default()),
            _ => document::read(write, &collection.spec, collection.embedding.as_deref()),
        };
        match document {
            Ok(document) => read.documents.push(((place, write), document, None)),
            Err(reason) => read.refused.push((place, reason)),
        }
    }
    read
}

impl<'w> Read<'w> {
    /// Makes vectors of texts.
    pub(crate) async fn embed(&mut self, embedder: &Embedder) -> Result<(), Fault> {
        let texts: Vec<_> = self
            .documents
            .iter()
            .filter_map(|(_, document, _)| document.text.as_deref())
            .collect();
        if texts.is_empty() {
            return Ok(());
        }
        let mut made = embedder.embed(&texts).await?.into_iter();
        let pointer = &embedder.config().text_pointer;
        let refused = &mut self.refused;
        self.documents.retain_mut(|((place, _), document, vector)| {
            if document.text.is_none() {
                return true;
            }
            match made.next() {
                Some(Ok(numbers)) => *vector = Some(numbers),
                Some(Err(reason)) => refused.push((*place, format!("no vector can be made of `{pointer}`: {reason}"))),
                None => {}
            }
            vector.is_some()
        });
        Ok(())
    }

    /// The points, each with all its writes in order, checked against the collection.
    pub(crate) async fn chains(
        &mut self,
        collection: &Collection,
        shape: &Shape,
    ) -> Result<Vec<Chain<Item<'w>>>, Fault> {
        let mut chains: Vec<Chain<Item<'w>>> = Vec::new();
        let mut known = HashMap::with_capacity(self.documents.len());
        for ((place, write), document, made) in std::mem::take(&mut self.documents) {
            consume_budget().await;
            let is_made = made.is_some();
            let vectors = match vectors_of(write.operation, &document, made, collection, shape)? {
                Ok(vectors) => vectors,
                Err(reason) => {
                    self.refused.push((place, reason));
                    continue;
                }
            };
            let embedding = collection.embedding.as_ref().filter(|_| is_made);
            let model = embedding.map(|embedding| embedding.model.as_str());
            let item = Item::new(place, write, collection, document, vectors, model);
            match known.get(&item.key).and_then(|index: &usize| chains.get_mut(*index)) {
                Some(chain) => chain.push(item),
                None => {
                    known.insert(item.key, chains.len());
                    chains.push(Chain::of(item));
                }
            }
        }
        Ok(chains)
    }
}

/// The vectors of a document, or why it is refused.
fn vectors_of(
    operation: Operation,
    document: &Document,
    made: Option<Vec<f32>>,
    collection: &Collection,
    shape: &Shape,
) -> Result<Result<Option<Vectors>, String>, Fault> {
    if operation == Operation::Delete {
        return Ok(Ok(None));
    }
    if let (Some(numbers), Some(embedding)) = (made, &collection.embedding) {
        let expected = shape.dense.get(&embedding.vector).map(|dense| dense.size);
        return match expected == Some(numbers.len() as u64) {
            true => Ok(Ok(Some(vectors::made(&embedding.vector, numbers)))),
            false => Err(Fault::Unfit(format!(
                "the model `{}` makes vectors of {} dimensions, and those of collection `{}` have {}: write another model or collection; \
                 the records wait",
                embedding.model,
                numbers.len(),
                collection.name,
                expected.unwrap_or_default()
            ))),
        };
    }
    let pointer = &collection.spec.vector_pointer;
    let rules = Rules {
        collection: &collection.name,
        shape,
        inference: collection.spec.inference,
    };
    Ok(match &document.vector {
        Some(vector) => vectors::vectors(vector, pointer.as_str(), &rules).map(Some),
        None if operation == Operation::Merge || shape.is_empty() => Ok(None),
        None => Err(format!(
            "there is no vector at `{pointer}`, and collection `{}` has {}",
            collection.name,
            shape.names()
        )),
    })
}
