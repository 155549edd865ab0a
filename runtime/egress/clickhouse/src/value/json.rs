//! Columns of the type JSON: the document's own text, which the server reads.
//!
//! What the server would change without a word is refused: a key that appears twice, whole numbers of more than 64 bits, which
//! become texts, and values of typed paths that their types do not hold. Members that are null are not stored, `1.0` becomes
//! `1`, and a dot in a name makes a path: such is the type.

use danube_wasm_egress_common::json::Number;

use super::{JsonKind, Misfit, Values, binary::put_bytes, elements, members, text};
use crate::types::Type;

/// Deepest nesting of a value.
const DEPTH_MAX: usize = 100;

impl Values<'_> {
    pub(super) fn put_json(&self, paths: &[(Vec<String>, Type)], value: &str, out: &mut Vec<u8>) -> Result<(), Misfit> {
        if JsonKind::of(value) != JsonKind::Object {
            return Err(Misfit::of(value, "it is not an object"));
        }
        check(value, DEPTH_MAX)?;
        let typed: Vec<_> = paths.iter().map(|(path, of)| (path.as_slice(), of)).collect();
        self.check_paths(&typed, value)?;
        put_bytes(value.as_bytes(), out);
        Ok(())
    }

    /// That the values of paths with types of their own fit those.
    fn check_paths(&self, paths: &[(&[String], &Type)], value: &str) -> Result<(), Misfit> {
        if paths.is_empty() || JsonKind::of(value) != JsonKind::Object {
            return Ok(());
        }
        for (name, value) in members(value)?.0 {
            let steps: Vec<_> = name.split('.').collect();
            let below = paths.iter().filter_map(|(path, of)| {
                let (before, rest) = path.split_at_checked(steps.len())?;
                (before == steps).then_some((rest, *of))
            });
            let (here, below): (Vec<_>, Vec<_>) = below.partition(|(rest, _)| rest.is_empty());
            let fits = here
                .into_iter()
                .filter(|_| value != "null")
                .try_for_each(|(_, of)| self.put(of, value, None, &mut Vec::new()));
            fits.and_then(|()| self.check_paths(&below, value))
                .map_err(|misfit| misfit.at(&*name))?;
        }
        Ok(())
    }
}

fn check(value: &str, depth: usize) -> Result<(), Misfit> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Misfit::of(value, format!("it is nested deeper than {DEPTH_MAX}")));
    };
    match JsonKind::of(value) {
        JsonKind::Object => members(value)?
            .0
            .into_iter()
            .try_for_each(|(name, value)| check(value, depth).map_err(|misfit| misfit.at(&*name))),
        JsonKind::Array => elements(value)?
            .into_iter()
            .enumerate()
            .try_for_each(|(place, value)| check(value, depth).map_err(|misfit| misfit.at(place.to_string()))),
        JsonKind::String => text(value).map(drop).map_err(|why| Misfit::of(value, why)),
        JsonKind::Number => check_number(value).map_err(|why| Misfit::of(value, why)),
        JsonKind::Null | JsonKind::Bool => Ok(()),
    }
}

fn check_number(value: &str) -> Result<(), &'static str> {
    if value.contains(['.', 'e', 'E']) {
        let is_zero = Number::parse(value).is_some_and(|number| number.is_zero());
        return match value.parse::<f64>() {
            Ok(float) if float.is_finite() && (float != 0.0 || is_zero) => Ok(()),
            _ => Err("it is not a number of 64 bits"),
        };
    }
    match value.parse::<i64>().is_ok() || value.parse::<u64>().is_ok() || value == "-0" {
        true => Ok(()),
        false => Err("it is a whole number of more than 64 bits"),
    }
}
