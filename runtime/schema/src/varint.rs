//! Unsigned LEB128 numbers, as Avro and Protobuf have them.

/// Reads a number from the front of `bytes`. It has at most 64 bits.
pub(crate) fn read(bytes: &mut &[u8]) -> Result<u64, &'static str> {
    let mut number = 0u64;
    for place in 0..10 {
        let (byte, rest) = bytes.split_first().ok_or("the bytes end too early")?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if place == 9 && bits > 1 {
            break;
        }
        number |= bits << (7 * place);
        if *byte < 0x80 {
            return Ok(number);
        }
    }
    Err("a number has more than 64 bits")
}

/// Appends a number.
pub(crate) fn write(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_were_written() {
        for number in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            write(&mut out, number);
            out.push(7);
            let mut bytes = out.as_slice();
            assert_eq!((read(&mut bytes), bytes), (Ok(number), &[7][..]));
        }
    }

    #[test]
    fn a_number_that_is_cut_off_or_too_large_is_refused() {
        assert!(read(&mut &[0x80][..]).is_err());
        assert!(read(&mut &[0xff; 10][..]).is_err());
        assert!(read(&mut &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2][..]).is_err());
    }
}
