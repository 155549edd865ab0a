//! The types of columns.
//!
//! Types are made of types, and what is between the parentheses is divided here: the library's parser drops the names of
//! tuples' members, which documents are read by. The types that hold no others are the library's to parse.

mod leaf;
mod split;

use std::collections::HashMap;

use split::{call, member, unquoted};

/// What a column holds, as far as documents are written to it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Type {
    Bool,
    /// Of so many bytes.
    Integer {
        bytes: usize,
        signed: bool,
    },
    Float(Float),
    /// A whole number of so many bytes, which counts units of 10⁻ˢ.
    Decimal {
        precision: u32,
        scale: u32,
        bytes: usize,
    },
    String,
    FixedString(usize),
    Uuid,
    Ipv4,
    Ipv6,
    /// Days, in 16 bits.
    Date,
    /// Days, in 32 bits.
    Date32,
    /// Seconds, in 32 bits.
    DateTime,
    /// Ticks, so many digits finer than a second.
    DateTime64(u32),
    Enum {
        bytes: usize,
        values: HashMap<String, i16>,
    },
    Nullable(Box<Self>),
    Array(Box<Self>),
    Tuple(Vec<Member>),
    Map(Box<Self>, Box<Self>),
    /// With the paths whose types are fixed.
    Json(Vec<(Vec<String>, Self)>),
    /// In the order in which its values name them.
    Variant(Vec<Self>),
    Dynamic,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Float {
    Brain16,
    Single,
    Double,
}

/// A member of a tuple, with its name if it has one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Member {
    pub(crate) name: Option<String>,
    pub(crate) of: Type,
}

/// A type that documents cannot be written to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the type {0} is not supported")]
pub(crate) struct Unsupported(pub(crate) String);

/// Deepest nesting of a type.
const DEPTH_MAX: usize = 32;

impl Type {
    /// Parses a type as the server writes it.
    pub(crate) fn parse(text: &str) -> Result<Self, Unsupported> {
        parse(text, DEPTH_MAX).ok_or_else(|| Unsupported(text.to_owned()))
    }

    /// Whether a row may go without a value.
    pub(crate) fn takes_null(&self) -> bool {
        matches!(self, Self::Nullable(_) | Self::Variant(_) | Self::Dynamic)
    }
}

fn parse(text: &str, depth: usize) -> Option<Type> {
    let depth = depth.checked_sub(1)?;
    let Some((name, arguments)) = call(text) else {
        return match text {
            "JSON" => Some(Type::Json(Vec::new())),
            "Dynamic" => Some(Type::Dynamic),
            _ => leaf::parse(text),
        };
    };
    let all = || arguments.iter().map(|of| parse(of, depth)).collect::<Option<Vec<_>>>();
    let one = || match all()?.as_mut_slice() {
        [one] => Some(std::mem::replace(one, Type::Dynamic)),
        _ => None,
    };
    match name {
        "Nullable" => Some(Type::Nullable(Box::new(one()?))),
        "LowCardinality" => one(),
        "Array" => Some(Type::Array(Box::new(one()?))),
        "Map" => match <[Type; 2]>::try_from(all()?) {
            Ok([key, value]) => Some(Type::Map(Box::new(key), Box::new(value))),
            Err(_) => None,
        },
        "Tuple" => Some(Type::Tuple(members(&arguments, depth)?)),
        "Nested" => Some(Type::Array(Box::new(Type::Tuple(members(&arguments, depth)?)))),
        "Variant" => Some(Type::Variant(all()?)),
        "Dynamic" => Some(Type::Dynamic),
        "SimpleAggregateFunction" => parse(arguments.last()?, depth),
        "JSON" => Some(Type::Json(paths(&arguments, depth)?)),
        "Object" => Some(Type::Json(Vec::new())),
        _ => leaf::parse(text),
    }
}

fn members(arguments: &[&str], depth: usize) -> Option<Vec<Member>> {
    let of = |argument: &&str| {
        let (name, text) = member(argument);
        Some(Member {
            name: name.map(unquoted),
            of: parse(text, depth)?,
        })
    };
    arguments.iter().map(of).collect()
}

/// The paths of a JSON column that have types of their own; not its settings, nor what it skips.
fn paths(arguments: &[&str], depth: usize) -> Option<Vec<(Vec<String>, Type)>> {
    let mut paths = Vec::new();
    for argument in arguments {
        let (Some(path), text) = member(argument) else { continue };
        if path != "SKIP" {
            paths.push((split::path(path), parse(text, depth)?));
        }
    }
    Some(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Type {
        Type::parse(text).unwrap_or_else(|error| panic!("{error}"))
    }

    const UINT8: Type = Type::Integer {
        bytes: 1,
        signed: false,
    };

    #[test]
    fn types_are_made_of_types() {
        assert_eq!(
            parsed("LowCardinality(Nullable(String))"),
            Type::Nullable(Box::new(Type::String))
        );
        assert_eq!(
            parsed("Map(LowCardinality(String), Array(UInt8))"),
            Type::Map(Box::new(Type::String), Box::new(Type::Array(Box::new(UINT8))))
        );
        assert_eq!(parsed("SimpleAggregateFunction(max, UInt8)"), UINT8);
        let member = |name: Option<&str>, of| Member {
            name: name.map(str::to_owned),
            of,
        };
        assert_eq!(
            parsed("Tuple(a UInt8, `b c` Tuple(UInt8, String))"),
            Type::Tuple(vec![
                member(Some("a"), UINT8),
                member(
                    Some("b c"),
                    Type::Tuple(vec![member(None, UINT8), member(None, Type::String)])
                ),
            ])
        );
        assert_eq!(
            parsed("Nested(x UInt8)"),
            Type::Array(Box::new(Type::Tuple(vec![member(Some("x"), UINT8)])))
        );
    }

    #[test]
    fn paths_of_a_json_column_that_have_types_are_known() {
        let path = |steps: &[&str]| steps.iter().map(|step| (*step).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            parsed("JSON(max_dynamic_paths=16, a.b UInt8, `c.d` String, SKIP e, SKIP REGEXP 'x,y')"),
            Type::Json(vec![(path(&["a", "b"]), UINT8), (path(&["c", "d"]), Type::String)])
        );
    }

    #[test]
    fn what_is_not_supported_is_named_and_nothing_panics() {
        for text in [
            "AggregateFunction(sum, UInt64)",
            "Point",
            "Array(Point)",
            "IntervalDay",
            "Time",
            "Time64(3)",
            "Nothing",
            "é",
            "Decimalé",
            "DateTime64",
            "DateTime64(é)",
            "FixedString(0)",
            "Enum8(",
            "Enum8()",
            "Array(",
            "Map(String)",
            "",
            "(",
            ")",
        ] {
            assert_eq!(Type::parse(text), Err(Unsupported(text.to_owned())));
        }
        let deep = format!("{}UInt8{}", "Array(".repeat(1000), ")".repeat(1000));
        assert!(Type::parse(&deep).is_err());
    }
}
