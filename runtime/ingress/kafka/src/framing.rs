//! What a schema registry's clients write before a value: a zero, the id of the schema, and for Protobuf the place of the message in
//! it.

use bytes::Bytes;

/// A value that had it, without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Framed {
    pub(crate) schema_id: u32,
    /// Empty where there is none.
    pub(crate) message_index: Vec<i32>,
    pub(crate) body: Bytes,
}

/// Messages within messages, at most: Protobuf's own compilers stop before.
const NESTING_MAX: usize = 64;

/// Takes it off.
pub(crate) fn unframe(value: &Bytes, is_protobuf: bool) -> Result<Framed, String> {
    let (schema_id, mut body) = header(value)?;
    let message_index = match is_protobuf {
        true => take_index(&mut body)?,
        false => Vec::new(),
    };
    Ok(Framed {
        schema_id,
        message_index,
        body,
    })
}

/// The id, and what is behind it.
pub(crate) fn header(value: &Bytes) -> Result<(u32, Bytes), String> {
    let Some((head, _)) = value.split_first_chunk::<5>() else {
        return Err(format!(
            "it has {} bytes, and no room for the five that a schema registry's clients write first",
            value.len()
        ));
    };
    if head[0] != 0 {
        return Err(format!(
            "it begins with 0x{:02x}, and not with the zero that a schema registry's clients write first",
            head[0]
        ));
    }
    let id = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
    // Registries count with 32 bits and a sign.
    if id > i32::MAX.unsigned_abs() {
        return Err(format!("no schema registry gives out an id such as {id}"));
    }
    Ok((id, value.slice(5..)))
}

/// The place of a message of Protobuf: a count and as many places, zig-zag; a count of 0 stands for the first message.
pub(crate) fn take_index(body: &mut Bytes) -> Result<Vec<i32>, String> {
    let index = read_index(body);
    index.ok_or_else(|| "the place of the message in its schema cannot be read".to_owned())
}

fn read_index(body: &mut Bytes) -> Option<Vec<i32>> {
    let count = usize::try_from(take_zig_zag(body)?)
        .ok()
        .filter(|count| *count <= NESTING_MAX)?;
    if count == 0 {
        return Some(vec![0]);
    }
    (0..count).map(|_| take_zig_zag(body)).collect()
}

fn take_zig_zag(body: &mut Bytes) -> Option<i32> {
    let mut value = 0_u64;
    for at in 0..5 {
        let byte = *body.get(at)?;
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            *body = body.slice(at + 1..);
            let value = u32::try_from(value).ok()?;
            return Some((value >> 1).cast_signed() ^ -((value & 1).cast_signed()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_five_bytes_are_taken_off() {
        let framed = unframe(&Bytes::from_static(b"\0\0\0\x01\x02{}"), false).expect("framed");
        assert_eq!((framed.schema_id, &framed.body[..]), (258, &b"{}"[..]));
    }

    #[test]
    fn protobufs_place_is_taken_off_too() {
        let first = unframe(&Bytes::from_static(b"\0\0\0\0\x07\0\x08\x01"), true).expect("framed");
        assert_eq!((first.message_index, &first.body[..]), (vec![0], &b"\x08\x01"[..]));
        let nested = unframe(&Bytes::from_static(b"\0\0\0\0\x07\x04\x02\x06\x08"), true).expect("framed");
        assert_eq!((nested.message_index, &nested.body[..]), (vec![1, 3], &b"\x08"[..]));
    }

    #[test]
    fn what_has_none_is_refused() {
        for bytes in [
            &b""[..],
            b"\0\0\0\0",
            b"{\"a\":1}",
            b"\0\xff\0\0\x07\0",
            b"\0\0\0\0\x07\x04\x02",
            b"\0\0\0\0\x07\xff\xff\xff\xff\xff",
        ] {
            assert!(unframe(&Bytes::from_static(bytes), true).is_err(), "{bytes:?}");
        }
    }
}
