//! The format's own numbers.

/// A length in LEB128: seven bits a byte, the lowest first.
pub(crate) fn put_length(length: usize, out: &mut Vec<u8>) {
    clickhouse_types::put_leb128(out, length as u64);
}

/// Bytes with their length before them.
pub(super) fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_length(bytes.len(), out);
    out.extend_from_slice(bytes);
}
