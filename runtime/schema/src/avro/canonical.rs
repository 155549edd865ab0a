//! Avro's Parsing Canonical Form and its 64-bit fingerprint: two schemas with the same form are written the same way.

use std::{
    collections::HashSet,
    fmt::{self, Write},
};

use super::schema::{Id, Kind, Schema};

/// CRC-64-AVRO's polynomial, which is also the fingerprint of nothing.
const EMPTY: u64 = 0xc15d_213a_a4d7_a795;

/// The fingerprint that single-object messages begin with.
pub(super) fn fingerprint(schema: &Schema) -> u64 {
    let mut crc = Crc(EMPTY);
    // Writing to a checksum cannot fail.
    let _ = write(schema, 0, &mut HashSet::new(), &mut crc);
    crc.0
}

struct Crc(u64);

impl Write for Crc {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            let mut low = (self.0 ^ u64::from(byte)) & 0xff;
            for _ in 0..8 {
                low = (low >> 1) ^ (EMPTY & (low & 1).wrapping_neg());
            }
            self.0 = (self.0 >> 8) ^ low;
        }
        Ok(())
    }
}

/// A type that has a name is written out once, so this ends.
fn write(schema: &Schema, id: Id, named: &mut HashSet<Id>, out: &mut impl Write) -> fmt::Result {
    let kind = &schema.node(id).kind;
    let has_name = matches!(kind, Kind::Record(_) | Kind::Enum(_) | Kind::Fixed(_));
    if has_name && !named.insert(id) {
        return write!(out, "\"{}\"", kind.name());
    }
    match kind {
        Kind::Array(items) => {
            out.write_str("{\"type\":\"array\",\"items\":")?;
            write(schema, *items, named, out)?;
            out.write_str("}")
        }
        Kind::Map(values) => {
            out.write_str("{\"type\":\"map\",\"values\":")?;
            write(schema, *values, named, out)?;
            out.write_str("}")
        }
        Kind::Union(branches) => {
            for (i, branch) in branches.iter().enumerate() {
                out.write_str(if i == 0 { "[" } else { "," })?;
                write(schema, *branch, named, out)?;
            }
            out.write_str("]")
        }
        Kind::Fixed(fixed) => write!(
            out,
            "{{\"name\":\"{}\",\"type\":\"fixed\",\"size\":{}}}",
            fixed.name.full, fixed.bytes
        ),
        Kind::Enum(words) => write!(
            out,
            "{{\"name\":\"{}\",\"type\":\"enum\",\"symbols\":[\"{}\"]}}",
            words.name.full,
            words.symbols.join("\",\"")
        ),
        Kind::Record(record) => {
            write!(
                out,
                "{{\"name\":\"{}\",\"type\":\"record\",\"fields\":[",
                record.name.full
            )?;
            for (i, field) in record.fields.iter().enumerate() {
                let comma = if i == 0 { "" } else { "," };
                write!(out, "{comma}{{\"name\":\"{}\",\"type\":", field.name)?;
                write(schema, field.node, named, out)?;
                out.write_str("}")?;
            }
            out.write_str("]}")
        }
        primitive => write!(out, "\"{}\"", primitive.name()),
    }
}

#[cfg(test)]
mod tests {
    use apache_avro::{Schema as Other, rabin::Rabin};

    use super::{super::parse::parse, *};

    fn ours(definition: &str) -> (String, [u8; 8]) {
        let schema = parse(definition).expect("a schema");
        let mut text = String::new();
        write(&schema, 0, &mut HashSet::new(), &mut text).expect("text");
        (text, fingerprint(&schema).to_le_bytes())
    }

    #[test]
    fn the_form_and_the_fingerprint_are_those_of_other_implementations() {
        for definition in [
            r#""null""#,
            r#"{"type":"int"}"#,
            r#"{"type":"map","values":["null",{"type":"array","items":"bytes","doc":"x"}]}"#,
            r#"{"type":"record","name":"A","namespace":"n","doc":"x","fields":[
                {"name":"a","type":["null","A"],"default":null,"aliases":["b"]},
                {"name":"e","type":{"type":"enum","name":"n.E","symbols":["X","Y"]}},
                {"name":"f","type":{"type":"fixed","name":"m.F","size":3}}]}"#,
        ] {
            let other = Other::parse_str(definition).expect("a schema");
            let (text, fingerprint) = ours(definition);
            assert_eq!(text, other.canonical_form());
            assert_eq!(fingerprint, *other.fingerprint::<Rabin>().bytes);
        }
    }

    /// As the specification has it; the implementation above keeps both.
    #[test]
    fn namespaces_are_inherited_and_logical_types_left_out() {
        let (text, _) = ours(
            r#"{"type":"record","name":"A","namespace":"n","fields":[{"name":"d","type":{"type":"fixed","name":"D",
                "size":3,"logicalType":"decimal","precision":5}},{"name":"e","type":"D"},
                {"name":"t","type":{"type":"long","logicalType":"timestamp-millis"}}]}"#,
        );
        let expected = r#"{"name":"n.A","type":"record","fields":[{"name":"d","type":{"name":"n.D","type":"fixed","size":3}},{"name":"e","type":"n.D"},{"name":"t","type":"long"}]}"#;
        assert_eq!(text, expected);
    }
}
