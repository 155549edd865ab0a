//! Types that hold no others, with the parser of ClickHouse's own client.

use clickhouse_types::data_types::{DataTypeNode as Node, DateTimePrecision as Precision, EnumType};

use super::{Float, Type};

/// A type without types in it; `None` if documents cannot be written to it.
pub(super) fn parse(text: &str) -> Option<Type> {
    // The parser counts on well-formed text.
    let is_whole = !text.contains('(') || text.ends_with(')');
    let is_plain = text.is_ascii() || text.starts_with("Enum");
    let is_named = ["Decimal(", "DateTime(", "DateTime64(", "FixedString("]
        .iter()
        .all(|name| !text.starts_with(name) || text.len() > name.len() + 1);
    if !is_whole || !is_plain || !is_named || text.ends_with("()") {
        return None;
    }
    of(Node::new(text).ok()?)
}

fn of(node: Node) -> Option<Type> {
    let integer = |bytes, signed| Some(Type::Integer { bytes, signed });
    match node {
        Node::Bool => Some(Type::Bool),
        Node::UInt8 => integer(1, false),
        Node::UInt16 => integer(2, false),
        Node::UInt32 => integer(4, false),
        Node::UInt64 => integer(8, false),
        Node::UInt128 => integer(16, false),
        Node::UInt256 => integer(32, false),
        Node::Int8 => integer(1, true),
        Node::Int16 => integer(2, true),
        Node::Int32 => integer(4, true),
        Node::Int64 => integer(8, true),
        Node::Int128 => integer(16, true),
        Node::Int256 => integer(32, true),
        Node::Float32 => Some(Type::Float(Float::Single)),
        Node::Float64 => Some(Type::Float(Float::Double)),
        Node::BFloat16 => Some(Type::Float(Float::Brain16)),
        Node::Decimal(precision, scale, _) => Some(decimal(precision.into(), scale.into())),
        Node::String => Some(Type::String),
        Node::FixedString(bytes) => Some(Type::FixedString(bytes)),
        Node::UUID => Some(Type::Uuid),
        Node::IPv4 => Some(Type::Ipv4),
        Node::IPv6 => Some(Type::Ipv6),
        Node::Date => Some(Type::Date),
        Node::Date32 => Some(Type::Date32),
        Node::DateTime(_) => Some(Type::DateTime),
        Node::DateTime64(precision, _) => Some(Type::DateTime64(digits(&precision))),
        Node::Enum(size, names) => Some(Type::Enum {
            bytes: if size == EnumType::Enum8 { 1 } else { 2 },
            values: names.into_iter().map(|(value, name)| (name, value)).collect(),
        }),
        _ => None,
    }
}

fn decimal(precision: u32, scale: u32) -> Type {
    let bytes = match precision {
        0..=9 => 4,
        10..=18 => 8,
        19..=38 => 16,
        _ => 32,
    };
    Type::Decimal {
        precision,
        scale,
        bytes,
    }
}

fn digits(precision: &Precision) -> u32 {
    match precision {
        Precision::Precision0 => 0,
        Precision::Precision1 => 1,
        Precision::Precision2 => 2,
        Precision::Precision3 => 3,
        Precision::Precision4 => 4,
        Precision::Precision5 => 5,
        Precision::Precision6 => 6,
        Precision::Precision7 => 7,
        Precision::Precision8 => 8,
        Precision::Precision9 => 9,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_their_sizes() {
        let decimal = |precision, scale, bytes| Type::Decimal {
            precision,
            scale,
            bytes,
        };
        for (text, expected) in [
            ("Decimal(9, 2)", decimal(9, 2, 4)),
            ("Decimal(18, 0)", decimal(18, 0, 8)),
            ("Decimal(38, 38)", decimal(38, 38, 16)),
            ("Decimal(76, 5)", decimal(76, 5, 32)),
            ("FixedString(3)", Type::FixedString(3)),
            ("DateTime", Type::DateTime),
            ("DateTime('Europe/Paris')", Type::DateTime),
            ("DateTime64(9, 'UTC')", Type::DateTime64(9)),
            ("DateTime64(0)", Type::DateTime64(0)),
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
        let Some(Type::Enum { bytes: 1, values }) = parse("Enum8('a\\'b' = -1, 'é, x' = 5)") else {
            panic!("an enum");
        };
        assert_eq!((values.get("a'b"), values.get("é, x")), (Some(&-1), Some(&5)));
    }
}
