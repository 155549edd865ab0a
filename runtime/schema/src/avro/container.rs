//! Avro's object container file, with one object in it.

use std::{borrow::Cow, io::Read};

use flate2::read::DeflateDecoder;

use super::wire::{Cursor, put_bytes, put_length};
use crate::limits::PAYLOAD;

const MAGIC: &[u8; 4] = b"Obj\x01";
/// Entries of a container's header. Writers make two.
const METADATA_MAX: u64 = 64;

/// A container that was read.
pub(super) struct Container<'a> {
    /// The schema it was written with.
    pub(super) schema: &'a [u8],
    /// The one datum in it.
    pub(super) datum: Cow<'a, [u8]>,
}

/// The header that all containers of a schema share.
#[derive(Debug)]
pub(super) struct Header {
    bytes: Vec<u8>,
    sync: [u8; 16],
}

impl Header {
    /// The marker between blocks need only be unlikely in the data. Made from the fingerprint, it gives the same bytes
    /// for the same document every time.
    pub(super) fn new(schema: &str, fingerprint: u64) -> Self {
        let mut sync = [0; 16];
        sync[..8].copy_from_slice(&fingerprint.to_le_bytes());
        sync[8..].copy_from_slice(&(!fingerprint).to_be_bytes());
        let mut bytes = MAGIC.to_vec();
        put_length(&mut bytes, 2);
        put_bytes(&mut bytes, b"avro.codec");
        put_bytes(&mut bytes, b"null");
        put_bytes(&mut bytes, b"avro.schema");
        put_bytes(&mut bytes, schema.as_bytes());
        put_length(&mut bytes, 0);
        bytes.extend_from_slice(&sync);
        Self { bytes, sync }
    }

    pub(super) fn wrap(&self, datum: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes.len() + datum.len() + 32);
        out.extend_from_slice(&self.bytes);
        put_length(&mut out, 1);
        put_bytes(&mut out, datum);
        out.extend_from_slice(&self.sync);
        out
    }
}

/// None if the bytes do not begin as a container does.
pub(super) fn read(bytes: &[u8]) -> Option<Result<Container<'_>, &'static str>> {
    let rest = bytes.strip_prefix(MAGIC)?;
    Some(container(&mut Cursor::new(rest)))
}

fn container<'a>(cursor: &mut Cursor<'a>) -> Result<Container<'a>, &'static str> {
    let (mut schema, mut codec): (Option<&[u8]>, &[u8]) = (None, b"null");
    let mut entries = 0u64;
    loop {
        let count = cursor.long()?;
        if count == 0 {
            break;
        }
        if count < 0 {
            cursor.long()?;
        }
        entries = entries.saturating_add(count.unsigned_abs());
        if entries > METADATA_MAX {
            return Err("the container's header has too many entries");
        }
        for _ in 0..count.unsigned_abs() {
            match (cursor.bytes()?, cursor.bytes()?) {
                (b"avro.schema", value) => schema = Some(value),
                (b"avro.codec", value) => codec = value,
                _ => {}
            }
        }
    }
    let schema = schema.ok_or("the container has no schema in it")?;
    let sync: [u8; 16] = cursor.array()?;
    let count = cursor.long()?;
    let block = cursor.bytes()?;
    if cursor.array::<16>()? != sync {
        return Err("the container's block does not end with its marker");
    }
    if count != 1 || !cursor.rest().is_empty() {
        return Err("the container holds several objects; a message holds one");
    }
    let datum = match codec {
        b"null" => Cow::Borrowed(block),
        b"deflate" => Cow::Owned(inflated(block)?),
        _ => return Err("the container is compressed with another codec than `null` and `deflate`"),
    };
    Ok(Container { schema, datum })
}

fn inflated(block: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut datum = Vec::new();
    let limit = PAYLOAD.bytes_max as u64 + 1;
    let read = DeflateDecoder::new(block).take(limit).read_to_end(&mut datum);
    read.map_err(|_| "the container's block is not what `deflate` makes")?;
    if datum.len() > PAYLOAD.bytes_max {
        return Err("the container's block is too large when it is not compressed");
    }
    Ok(datum)
}
