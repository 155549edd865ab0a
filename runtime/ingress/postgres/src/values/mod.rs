//! What PostgreSQL writes as text, as JSON. In the stream and in the snapshot a value is written alike.

mod array;
mod hstore;
mod time;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::limits::TYPE_DEPTH_MAX;

/// How values of a type are written as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ValueKind {
    /// `int2`, `int4`, `float4`, `float8`: a number; what JSON has no number for (NaN, Infinity) as text.
    Number,
    /// `int8`: a number or text, as the operator wants.
    Int8,
    Bool,
    /// `json`, `jsonb`: as it is.
    Json,
    /// Base64.
    Bytes,
    /// ISO 8601, without a zone.
    Timestamp,
    /// RFC 3339, in UTC, with microseconds.
    TimestampTz,
    /// A list, nested as it is.
    Array {
        element: Box<ValueKind>,
        delimiter: u8,
    },
    /// An object of text.
    Hstore,
    /// Everything else, as PostgreSQL writes it: `numeric` too, which has more digits than JSON's readers keep.
    Text,
}

impl ValueKind {
    /// Of the usual types that every server has under the same number; none of those that must be asked for.
    pub(crate) fn of_builtin(oid: u32) -> Option<Self> {
        Some(match oid {
            16 => Self::Bool,
            17 => Self::Bytes,
            20 => Self::Int8,
            // int2, int4, oid, float4, float8
            21 | 23 | 26 | 700 | 701 => Self::Number,
            114 | 3802 => Self::Json,
            1114 => Self::Timestamp,
            1184 => Self::TimestampTz,
            // char, name, text, bpchar, varchar; date, time, timetz, interval; numeric, money; uuid, inet, cidr, bit, varbit
            18 | 19 | 25 | 1042 | 1043 | 1082 | 1083 | 1266 | 1186 | 1700 | 790 | 2950 | 869 | 650 | 1560 | 1562 => {
                Self::Text
            }
            list => Self::array(Self::of_builtin(element_of_builtin_array(list)?)?, b','),
        })
    }

    /// A list of these.
    pub(crate) fn array(element: Self, delimiter: u8) -> Self {
        Self::Array {
            element: Box::new(element),
            delimiter,
        }
    }

    /// Adds the JSON of a value to `out`.
    pub(crate) fn write(&self, text: &str, int8_as_text: bool, out: &mut Vec<u8>) {
        match self {
            Self::Number if is_number(text) => out.extend_from_slice(text.as_bytes()),
            Self::Int8 if !int8_as_text && is_number(text) => out.extend_from_slice(text.as_bytes()),
            Self::Bool if text == "t" => out.extend_from_slice(b"true"),
            Self::Bool if text == "f" => out.extend_from_slice(b"false"),
            Self::Json => out.extend_from_slice(text.as_bytes()),
            Self::Bytes => match bytes_of_hex(text) {
                Some(bytes) => write_text(&STANDARD.encode(bytes), out),
                None => write_text(text, out),
            },
            Self::Timestamp => write_text(&time::timestamp(text), out),
            Self::TimestampTz => write_text(&time::timestamp_in_utc(text), out),
            Self::Array { element, delimiter } => {
                let start = out.len();
                if array::write(element, *delimiter, text, int8_as_text, out).is_none() {
                    out.truncate(start);
                    write_text(text, out);
                }
            }
            Self::Hstore => {
                let start = out.len();
                if hstore::write(text, out).is_none() {
                    out.truncate(start);
                    write_text(text, out);
                }
            }
            Self::Number | Self::Int8 | Self::Bool | Self::Text => write_text(text, out),
        }
    }

    /// How deep it is.
    pub(crate) fn is_too_deep(depth: usize) -> bool {
        depth > TYPE_DEPTH_MAX
    }
}

/// Types of the elements of the usual lists.
fn element_of_builtin_array(oid: u32) -> Option<u32> {
    Some(match oid {
        199 => 114,
        1000 => 16,
        1001 => 17,
        1005 => 21,
        1007 => 23,
        1009 => 25,
        1014 => 1042,
        1015 => 1043,
        1016 => 20,
        1021 => 700,
        1022 => 701,
        1028 => 26,
        1115 => 1114,
        1182 => 1082,
        1183 => 1083,
        1185 => 1184,
        1187 => 1186,
        1231 => 1700,
        1270 => 1266,
        2951 => 2950,
        3807 => 3802,
        _ => return None,
    })
}

/// Adds a JSON string.
pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    // Writing to memory does not fail.
    let _ = serde_json::to_writer(out, text);
}

/// Whether JSON has it as a number: PostgreSQL writes digits as JSON does, but for what is not a number.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit())
}

fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?.as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = digits.chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => u8::try_from(digit(*high)? << 4 | digit(*low)?).ok(),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(kind: &ValueKind, text: &str) -> String {
        let mut out = Vec::new();
        kind.write(text, false, &mut out);
        let json = String::from_utf8(out).expect("UTF-8");
        serde_json::from_str::<serde_json::Value>(&json).unwrap_or_else(|error| panic!("{json}: {error}"));
        json
    }

    fn builtin(oid: u32) -> ValueKind {
        ValueKind::of_builtin(oid).expect("every server has it")
    }

    #[test]
    fn scalars() {
        for (oid, text, expected) in [
            (21, "-7", "-7"),
            (20, "9007199254740993", "9007199254740993"),
            (701, "1e+300", "1e+300"),
            (701, "NaN", r#""NaN""#),
            (700, "-Infinity", r#""-Infinity""#),
            (1700, "1.10", r#""1.10""#),
            (16, "t", "true"),
            (25, "a\"\n\u{1}", r#""a\"\n\u0001""#),
            (3802, r#"{"a": 1.00}"#, r#"{"a": 1.00}"#),
            (17, "\\x00ff", r#""AP8=""#),
            (17, "\\x", r#""""#),
            (1082, "2024-02-29", r#""2024-02-29""#),
            (1186, "P1DT2H", r#""P1DT2H""#),
            (2950, "b2", r#""b2""#),
        ] {
            assert_eq!(json(&builtin(oid), text), expected, "{oid} {text}");
        }
        let mut out = Vec::new();
        ValueKind::Int8.write("1", true, &mut out);
        assert_eq!(out, br#""1""#);
    }

    #[test]
    fn lists() {
        for (oid, text, expected) in [
            (1007, "{}", "[]"),
            (1007, "{1,NULL,-3}", "[1,null,-3]"),
            (1007, "{{1,2},{3,4}}", "[[1,2],[3,4]]"),
            (1007, "[0:1]={1,2}", "[1,2]"),
            (1009, r#"{a,"b,\"c\\","NULL",""}"#, r#"["a","b,\"c\\","NULL",""]"#),
            (1000, "{t,f}", "[true,false]"),
            (3807, r#"{"{\"a\": [1, 2]}"}"#, r#"[{"a": [1, 2]}]"#),
            (1231, "{1.10,NaN}", r#"["1.10","NaN"]"#),
            (
                1185,
                r#"{"2024-01-02 03:04:05+00"}"#,
                r#"["2024-01-02T03:04:05.000000Z"]"#,
            ),
        ] {
            assert_eq!(json(&builtin(oid), text), expected, "{oid} {text}");
        }
        // Not a list: as it is.
        assert_eq!(json(&builtin(1007), "{1"), r#""{1""#);
        let boxes = ValueKind::array(ValueKind::Text, b';');
        assert_eq!(
            json(&boxes, "{(1,1),(0,0);(2,2),(1,1)}"),
            r#"["(1,1),(0,0)","(2,2),(1,1)"]"#
        );
    }

    #[test]
    fn pairs() {
        assert_eq!(
            json(&ValueKind::Hstore, r#""a"=>"1", "b\"c"=>NULL"#),
            r#"{"a":"1","b\"c":null}"#
        );
        assert_eq!(json(&ValueKind::Hstore, ""), "{}");
        assert_eq!(json(&ValueKind::Hstore, r#""a""#), r#""\"a\"""#);
    }

    #[test]
    fn unusual_types_are_asked_for() {
        for oid in [16_384, 600, 1020] {
            assert_eq!(ValueKind::of_builtin(oid), None);
        }
        assert_eq!(ValueKind::of_builtin(869), Some(ValueKind::Text));
    }
}
