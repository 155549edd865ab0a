//! Small harm done to bytes.

use crate::dice::Dice;

/// What parsers have stumbled over.
const SPICE: [&[u8]; 24] = [
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\n\n",
    b"\0",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b"\x0b",
    b"\x7f",
    b"\x80",
    b"\xff\xfe",
    b"#",
    b"?",
    b"0",
    b"-1",
    b"ffffffffffffffff",
    b"content-length: 2\r\n",
    b"transfer-encoding: chunked\r\n",
    b"host: other\r\n",
    b" folded\r\n",
];

/// One to three changes of `bytes`; `others` are what may be spliced in.
pub(crate) fn mutate(mut bytes: Vec<u8>, others: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    for _ in 0..=dice.below(3) {
        if bytes.is_empty() {
            break;
        }
        change(&mut bytes, others, dice);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, others: &[Vec<u8>], dice: &mut Dice) {
    let at = dice.below(bytes.len());
    let end = (at + 1 + dice.below(16)).min(bytes.len());
    match dice.below(8) {
        0 => bytes[at] ^= 1 << dice.below(8),
        1 => bytes[at] = dice.byte(),
        2 => insert(bytes, at, dice.pick::<&[u8]>(&SPICE)),
        3 => drop(bytes.drain(at..end)),
        4 => {
            let twice = bytes[at..end].to_vec();
            insert(bytes, end, &twice);
        }
        5 => {
            let other = dice.pick(others);
            let from = dice.below(other.len().max(1));
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
        6 => bytes.truncate(at),
        _ => double_a_line(bytes, at),
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, what: &[u8]) {
    bytes.splice(at..at, what.iter().copied());
}

/// Repeats the line around `at`.
fn double_a_line(bytes: &mut Vec<u8>, at: usize) {
    let start = bytes[..at].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    let end = bytes[at..]
        .iter()
        .position(|b| *b == b'\n')
        .map_or(bytes.len(), |n| at + n + 1);
    let line = bytes[start..end].to_vec();
    insert(bytes, end, &line);
}
