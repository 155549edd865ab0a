//! Measures what a message takes when it is decoded, without building anything: two bytes can stand for a message of a
//! hundred, an element of a packed list for forty, and nesting takes stack.

use prost_reflect::{Kind, MessageDescriptor};

use crate::{
    limits::{MESSAGE, MESSAGE_DEPTH_MAX},
    varint,
};

/// Refuses a message that is over the limits, or not valid in the wire format.
pub(super) fn measure(message: &MessageDescriptor, bytes: &[u8]) -> Result<(), String> {
    if bytes.len() > MESSAGE.bytes_max {
        return Err(format!("the message has more than {} bytes", MESSAGE.bytes_max));
    }
    let mut walk = SizeWalk {
        values_left: MESSAGE.values_max,
    };
    let rest = walk.fields(Some(message), bytes, 0, None)?;
    debug_assert!(rest.is_empty(), "a message ends with its bytes");
    Ok(())
}

struct SizeWalk {
    values_left: usize,
}

impl SizeWalk {
    /// Reads fields to the end of the bytes, or of the group `number`. Returns the rest.
    fn fields<'b>(
        &mut self,
        message: Option<&MessageDescriptor>,
        mut bytes: &'b [u8],
        depth: usize,
        group: Option<u32>,
    ) -> Result<&'b [u8], String> {
        if depth > MESSAGE_DEPTH_MAX {
            return Err(format!("messages are nested deeper than {MESSAGE_DEPTH_MAX}"));
        }
        while !bytes.is_empty() {
            let tag = varint::read(&mut bytes)?;
            let number = u32::try_from(tag >> 3).map_err(|_| "a field has no possible number")?;
            self.take(1)?;
            let field = message.and_then(|message| message.get_field(number));
            match tag & 7 {
                0 => {
                    varint::read(&mut bytes)?;
                }
                1 => skip(&mut bytes, 8)?,
                5 => skip(&mut bytes, 4)?,
                2 => {
                    let length = usize::try_from(varint::read(&mut bytes)?).map_err(|_| "a length is too large")?;
                    let (inner, rest) = bytes.split_at_checked(length).ok_or("the bytes end too early")?;
                    bytes = rest;
                    match field.map(|field| (field.kind(), field.is_list())) {
                        Some((Kind::Message(of), _)) => {
                            self.fields(Some(&of), inner, depth + 1, None)?;
                        }
                        Some((kind, true)) => self.take(elements(&kind, inner))?,
                        _ => {}
                    }
                }
                3 => {
                    let of = field.and_then(|field| field.kind().as_message().cloned());
                    bytes = self.fields(of.as_ref(), bytes, depth + 1, Some(number))?;
                }
                4 if group == Some(number) => return Ok(bytes),
                _ => return Err("a field is of no wire type that fits here".to_owned()),
            }
        }
        if group.is_some() {
            Err("the bytes end inside a group".to_owned())
        } else {
            Ok(bytes)
        }
    }

    fn take(&mut self, values: usize) -> Result<(), String> {
        let left = self.values_left.checked_sub(values);
        self.values_left = left.ok_or_else(|| format!("the message has more than {} values", MESSAGE.values_max))?;
        Ok(())
    }
}

/// Elements of a packed list, or more.
fn elements(kind: &Kind, bytes: &[u8]) -> usize {
    match kind {
        Kind::String | Kind::Bytes | Kind::Message(_) => 0,
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => bytes.len().div_ceil(8),
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => bytes.len().div_ceil(4),
        _ => bytes.iter().filter(|byte| **byte < 0x80).count(),
    }
}

fn skip(bytes: &mut &[u8], n: usize) -> Result<(), String> {
    *bytes = bytes.get(n..).ok_or("the bytes end too early")?;
    Ok(())
}
