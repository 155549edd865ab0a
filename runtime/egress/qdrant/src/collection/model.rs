//! That a collection has vectors of one model: distances between those of two say nothing.

use qdrant_client::qdrant::{
    Condition, Filter, IsEmptyCondition, ScrollPoints, WithPayloadSelector, condition::ConditionOneOf,
    with_payload_selector::SelectorOptions,
};

use super::Collection;
use crate::{
    conditions::{is_keyword, wrap},
    fault::Fault,
    fields::MODEL,
    link::Session,
    payload::text_of,
};

/// Looks for a point of another model.
pub(super) async fn check(collection: &Collection, session: &Session) -> Result<(), Fault> {
    let Some(embedding) = &collection.embedding else {
        return Ok(());
    };
    let of_none = wrap(ConditionOneOf::IsEmpty(IsEmptyCondition { key: MODEL.to_owned() }));
    let of_ours: Condition = is_keyword(MODEL, &embedding.model);
    let request = session.request(ScrollPoints {
        collection_name: collection.name.to_string(),
        filter: Some(Filter {
            must_not: vec![of_none, of_ours],
            ..Filter::default()
        }),
        limit: Some(1),
        with_payload: Some(WithPayloadSelector {
            selector_options: Some(SelectorOptions::Enable(true)),
        }),
        ..ScrollPoints::default()
    });
    let what = format!("a look for points of other models in collection `{}`", collection.name);
    let answer = session.call(&what, session.points().scroll(request)).await;
    let found = match answer {
        Err(Fault::Refused(message)) => return Err(Fault::Unfit(format!("{message}; its records wait"))),
        answer => answer?.result,
    };
    let Some(other) = found.first() else { return Ok(()) };
    let model = other.payload.get(MODEL).and_then(text_of).unwrap_or("another model");
    Err(Fault::Unfit(format!(
        "collection `{}` has points of the model `{model}`, and `embedding` says `{}`: distances between vectors of two models say \
         nothing. Write to a new collection, or write the old model; its records wait",
        collection.name, embedding.model
    )))
}
