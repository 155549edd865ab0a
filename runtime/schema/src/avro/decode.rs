//! From a bare datum to JSON text, within limits: five bytes can claim an array of 2^60 nulls, and a schema of forty lines
//! can make a record of 2^30 values out of none.

use std::collections::HashSet;

use serde::Serialize;

use super::{
    decimal,
    refusal::Refusal,
    schema::{Id, Kind, Logical, Node, Record, Schema},
    wire::Cursor,
};
use crate::limits::PAYLOAD;

/// Reads all of the bytes as the schema's root.
pub(super) fn decode(schema: &Schema, bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut decoder = Decoder {
        schema,
        cursor: Cursor::new(bytes),
        out: Vec::with_capacity(bytes.len().saturating_mul(2).min(PAYLOAD.bytes_max)),
        values_left: PAYLOAD.values_max,
        depth: 0,
    };
    decoder.value(0)?;
    match decoder.cursor.rest().len() {
        0 => Ok(decoder.out),
        n => Err(Refusal::new(format!("the datum ends, and {n} bytes follow it"))),
    }
}

struct Decoder<'s> {
    schema: &'s Schema,
    cursor: Cursor<'s>,
    out: Vec<u8>,
    values_left: usize,
    depth: usize,
}

impl<'s> Decoder<'s> {
    fn value(&mut self, id: Id) -> Result<(), Refusal> {
        let Some(left) = self.values_left.checked_sub(1) else {
            return Err(Refusal::limit(format!(
                "there are more than {} values",
                PAYLOAD.values_max
            )));
        };
        self.values_left = left;
        if self.out.len() > PAYLOAD.bytes_max {
            return Err(Refusal::limit(format!(
                "as JSON it has more than {} bytes",
                PAYLOAD.bytes_max
            )));
        }
        let node = self.schema.node(id);
        if !node.kind.is_container() {
            return self.of_kind(node);
        }
        if self.depth == PAYLOAD.depth_max {
            return Err(Refusal::limit(format!(
                "it is nested deeper than {}",
                PAYLOAD.depth_max
            )));
        }
        self.depth += 1;
        let read = self.of_kind(node);
        self.depth -= 1;
        read
    }

    fn of_kind(&mut self, node: &'s Node) -> Result<(), Refusal> {
        match &node.kind {
            Kind::Null => self.out.extend_from_slice(b"null"),
            Kind::Boolean => match self.cursor.array()? {
                [0] => self.out.extend_from_slice(b"false"),
                [1] => self.out.extend_from_slice(b"true"),
                _ => return Err("a boolean is neither 0 nor 1".into()),
            },
            Kind::Int => {
                let number = i32::try_from(self.cursor.long()?).map_err(|_| "an int has more than 32 bits")?;
                self.print(&number)?;
            }
            Kind::Long => {
                let number = self.cursor.long()?;
                self.print(&number)?;
            }
            Kind::Float => {
                let number = f32::from_le_bytes(self.cursor.array()?);
                self.float(&number, number.is_finite())?;
            }
            Kind::Double => {
                let number = f64::from_le_bytes(self.cursor.array()?);
                self.float(&number, number.is_finite())?;
            }
            Kind::String => {
                let text = std::str::from_utf8(self.cursor.bytes()?).map_err(|_| "a text is not UTF-8")?;
                self.print(text)?;
            }
            Kind::Bytes => {
                let bytes = self.cursor.bytes()?;
                self.binary(bytes, node)?;
            }
            Kind::Fixed(fixed) => {
                let bytes = self.cursor.take(fixed.bytes)?;
                self.binary(bytes, node)?;
            }
            Kind::Enum(words) => {
                let number = usize::try_from(self.cursor.long()?).ok();
                let symbol = number.and_then(|number| words.symbols.get(number));
                self.print(symbol.ok_or("a number stands for no symbol of its enum")?)?;
            }
            Kind::Union(branches) => {
                let number = usize::try_from(self.cursor.long()?).ok();
                let branch = number.and_then(|number| branches.get(number));
                self.value(*branch.ok_or("a number stands for no type of its union")?)?;
            }
            Kind::Array(items) => self.array(*items)?,
            Kind::Map(of) => self.map(*of)?,
            Kind::Record(record) => self.record(record)?,
        }
        Ok(())
    }

    fn record(&mut self, record: &'s Record) -> Result<(), Refusal> {
        self.out.push(b'{');
        for (i, field) in record.fields.iter().enumerate() {
            self.out.extend_from_slice(if i == 0 { b"\"" } else { b",\"" });
            // A field's name is letters, digits and `_`.
            self.out.extend_from_slice(field.name.as_bytes());
            self.out.extend_from_slice(b"\":");
            self.value(field.node)
                .map_err(|refusal| refusal.under_key(&field.name))?;
        }
        self.out.push(b'}');
        Ok(())
    }

    fn array(&mut self, items: Id) -> Result<(), Refusal> {
        self.out.push(b'[');
        let mut index = 0;
        loop {
            let items_in_block = self.block()?;
            if items_in_block == 0 {
                break;
            }
            for _ in 0..items_in_block {
                if index > 0 {
                    self.out.push(b',');
                }
                self.value(items).map_err(|refusal| refusal.under_index(index))?;
                index += 1;
            }
        }
        self.out.push(b']');
        Ok(())
    }

    fn map(&mut self, of: Id) -> Result<(), Refusal> {
        self.out.push(b'{');
        let mut keys = HashSet::new();
        loop {
            let members_in_block = self.block()?;
            if members_in_block == 0 {
                break;
            }
            for _ in 0..members_in_block {
                let key = std::str::from_utf8(self.cursor.bytes()?).map_err(|_| "a key is not UTF-8")?;
                if !keys.is_empty() {
                    self.out.push(b',');
                }
                if !keys.insert(key) {
                    return Err(Refusal::new("this key is in its map twice").under_key(key));
                }
                self.print(key)?;
                self.out.push(b':');
                self.value(of).map_err(|refusal| refusal.under_key(key))?;
            }
        }
        self.out.push(b'}');
        Ok(())
    }

    /// How many items follow; 0 ends an array or map. Each of them takes a step, so the count is not a limit to check.
    fn block(&mut self) -> Result<u64, Refusal> {
        let count = self.cursor.long()?;
        if count < 0 {
            // The block's length in bytes, for readers that want to skip it.
            self.cursor.long()?;
        }
        Ok(count.unsigned_abs())
    }

    fn binary(&mut self, bytes: &[u8], node: &Node) -> Result<(), Refusal> {
        if let Some(Logical::Decimal { precision, scale }) = node.logical {
            return self.print(&decimal::print(bytes, precision, scale)?);
        }
        let text: String = bytes.iter().copied().map(char::from).collect();
        self.print(&text)
    }

    fn float(&mut self, number: &impl Serialize, is_finite: bool) -> Result<(), Refusal> {
        if !is_finite {
            return Err("JSON has no infinity, and nothing that is not a number".into());
        }
        self.print(number)
    }

    fn print<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refusal> {
        serde_json::to_writer(&mut self.out, value).map_err(|error| Refusal::new(error.to_string()))
    }
}
