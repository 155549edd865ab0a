//! Bounds: a new one must be no narrower than an older one.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::{super::Incompatibility, older::OlderSchemas};

/// `minimum`, `maximum`, their exclusive forms, and `multipleOf`.
pub(super) fn value(older: &OlderSchemas<'_>, keyword: &str, value: &Value, at: &str) -> Result<(), Incompatibility> {
    let Value::Number(new) = value else { return Ok(()) };
    let (inclusive, exclusive, beyond) = match keyword {
        "minimum" | "exclusiveMinimum" => ("minimum", "exclusiveMinimum", Ordering::Greater),
        "maximum" | "exclusiveMaximum" => ("maximum", "exclusiveMaximum", Ordering::Less),
        _ => return multiple(older, new, at),
    };
    let follows = older.all.iter().any(|schema| {
        let than_new = |keyword: &str| {
            schema
                .get(keyword)
                .and_then(Value::as_number)
                .map(|old| order(old, new))
        };
        let is_enough = |found: Option<Ordering>, or_equal: bool| match found {
            Some(Ordering::Equal) => or_equal,
            found => found == Some(beyond),
        };
        is_enough(than_new(exclusive), true) || is_enough(than_new(inclusive), keyword == inclusive)
    });
    if follows {
        return Ok(());
    }
    Err(Incompatibility::new(
        at,
        format!("`{keyword}` is new or narrower: numbers that were allowed no longer are"),
    ))
}

fn multiple(older: &OlderSchemas<'_>, new: &Number, at: &str) -> Result<(), Incompatibility> {
    let is_one = new.as_u64() == Some(1);
    let divides = |old: &Number| {
        let whole = old.as_u64().zip(new.as_u64());
        old == new || whole.is_some_and(|(old, new)| old.checked_rem(new) == Some(0))
    };
    let mut olds = older
        .all
        .iter()
        .filter_map(|schema| schema.get("multipleOf")?.as_number());
    if (is_one && older.types().is_whole()) || olds.any(divides) {
        return Ok(());
    }
    Err(Incompatibility::new(
        at,
        "`multipleOf` is new or another: numbers that were allowed no longer are",
    ))
}

/// `minLength`, `maxItems` and the like.
pub(super) fn size(older: &OlderSchemas<'_>, keyword: &str, value: &Value, at: &str) -> Result<(), Incompatibility> {
    let Value::Number(new) = value else { return Ok(()) };
    let is_minimum = keyword.starts_with("min");
    let beyond = if is_minimum { Ordering::Greater } else { Ordering::Less };
    let follows = older.all.iter().any(|schema| {
        let old = schema.get(keyword).and_then(Value::as_number);
        old.is_some_and(|old| matches!(order(old, new), found if found == beyond || found == Ordering::Equal))
    });
    if follows || (is_minimum && new.as_f64() == Some(0.0)) {
        return Ok(());
    }
    Err(Incompatibility::new(
        at,
        format!("`{keyword}` is new or narrower: what was allowed no longer is"),
    ))
}

/// Exact where both are whole.
fn order(a: &Number, b: &Number) -> Ordering {
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a
            .as_f64()
            .zip(b.as_f64())
            .map_or(Ordering::Equal, |(a, b)| a.total_cmp(&b)),
    }
}

fn whole(number: &Number) -> Option<i128> {
    let float = || {
        number
            .as_f64()
            .filter(|float| float.fract() == 0.0 && float.abs() < 1e30)
            .map(|float| float as i128)
    };
    let signed = number.as_i64().map(i128::from);
    signed.or_else(|| number.as_u64().map(i128::from)).or_else(float)
}
