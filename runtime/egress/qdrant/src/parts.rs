//! What became of the writes to several collections.

use std::sync::Arc;

use danube_wasm_model::door::{EgressError, Later, WriteReport};

use crate::fault::Fault;

/// What became of the writes to one collection.
pub(crate) struct Part {
    pub(crate) target: Arc<str>,
    pub(crate) places: Vec<usize>,
    pub(crate) result: Result<WriteReport, Fault>,
}

/// What became of the writes to several collections. What waits for one is written again without holding the others.
pub(crate) fn merge(parts: Vec<Part>) -> Result<WriteReport, EgressError> {
    let is_alone = parts.len() == 1;
    let mut report = WriteReport::default();
    for Part { target, places, result } in parts {
        let error = match result {
            Ok(part) => {
                report.unchanged += part.unchanged;
                report.refused.extend(part.refused);
                continue;
            }
            Err(fault) => fault.into_egress_error(&target),
        };
        match error {
            EgressError::Transient { message, retry_after } if !is_alone => report.later.push(Later {
                places,
                message,
                retry_after,
            }),
            error => return Err(error),
        }
    }
    report.refused.sort_by_key(|(place, _)| *place);
    Ok(report)
}
