//! Computes how much a schema can cost before it is used.
//!
//! A validator cannot be interrupted: it runs on a payload to the end. A schema of 40 lines whose definitions refer to
//! each other twice evaluates 2^30 subschemas on the number `1`; one that refers to itself without descending never
//! ends; one that recurses twice into the same member doubles with each level of the payload. So the schema is read as
//! a graph ([`graph`]) and its worst case is computed ([`cost`]) for a payload of any shape up to the depth limit:
//!
//! * how many steps one value of the payload can take, where a step is about one keyword on one value;
//! * how many states of regular expressions one byte of it can be run through. The engine is linear in the text, but
//!   the factor is the size of the compiled expression, which the author chooses;
//! * how many schemas can be evaluated inside each other, which takes stack.
//!
//! A schema over the limits of any of them is refused when it is declared. Below them, `values × steps + bytes × states`
//! bounds the time of one payload, and is compared to a budget before validation starts.

pub(crate) mod cost;
mod graph;
mod pattern;
pub(crate) mod reference;

pub(crate) use cost::Cost;
use serde_json::Value;

use crate::limits::{STACK_MAX, STATES_PER_BYTE_MAX, STEPS_PER_VALUE_MAX};

/// The worst case of a schema, or why it is refused: a message with the path.
pub(crate) fn examine(schema: &Value) -> Result<Cost, String> {
    let cost = cost::worst_case(&graph::read(schema)?)?;
    let over = |what: &str, value: u64, max: u64| {
        format!(
            "the schema would take up to {value} {what}, more than {max}: its references and alternatives multiply; \
             refer to each definition from fewer places"
        )
    };
    if cost.verdict.steps > STEPS_PER_VALUE_MAX {
        return Err(over("steps for one value", cost.verdict.steps, STEPS_PER_VALUE_MAX));
    }
    if cost.verdict.states > STATES_PER_BYTE_MAX {
        return Err(over(
            "states of patterns for one byte",
            cost.verdict.states,
            STATES_PER_BYTE_MAX,
        ));
    }
    if cost.stack > STACK_MAX {
        return Err(over("evaluations inside each other", cost.stack, STACK_MAX));
    }
    Ok(cost)
}
