//! Damage that has been seen in practice.

use crate::pieces::Written;

const BY_BYTES: u8 = 0;
const BY_ROWS: u8 = 1;

pub(crate) fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let mut seeds = vec![("empty", vec![0, BY_BYTES])];
    for (log, names) in [(1, CLOSED), (2, CRASHED)] {
        let damages: [&[u8]; 7] = [
            &[],
            // A bit of the header, a bit of a page.
            &[0, 0, 1, 0, 1],
            &[0, 9, 8, 3, 1],
            // A page is lost, is another's, the end is missing, or is behind more.
            &[2, 7, 0, 0, 255, 0, 16, 0, 0, 0, 0, 0, 0],
            &[3, 8, 12],
            &[4, 20, 0, 0],
            &[5, 200, 0],
        ];
        for (name, damage) in names.into_iter().zip(damages) {
            seeds.push((name, [&[log, BY_BYTES], damage].concat()));
        }
    }
    seeds.extend(row_seeds());
    seeds
}

/// Rows that this version would not write, one of each table.
fn row_seeds() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("row-format", rows(|out| out.byte(0).long(0).long(2))),
        ("row-topic", rows(|out| out.byte(1).long(3).long(2).long(90))),
        (
            "row-head",
            rows(|out| out.byte(2).long(9).long(3).long(1).long(1).long(1)),
        ),
        (
            "row-message",
            rows(|out| out.byte(3).long(1).long(5).byte(1).long(9).bytes(&[3, 200, 200])),
        ),
        (
            "row-subscription",
            rows(|out| out.byte(4).byte(1).long(0).long(7).byte(9)),
        ),
        (
            "row-cursor",
            rows(|out| out.byte(5).long(1).long(0).byte(2).bytes(&[1, 4, 1, 3, 2])),
        ),
        ("row-subject", rows(|out| out.byte(6).long(1).long(300))),
        (
            "row-schema",
            rows(|out| out.byte(7).bytes(b"string").bytes(b"").long(1).long(2)),
        ),
        ("row-doomed", rows(|out| out.byte(8).long(1))),
    ]
}

const CLOSED: [&str; 7] = [
    "closed",
    "closed-header",
    "closed-bit",
    "closed-lost",
    "closed-misplaced",
    "closed-short",
    "closed-long",
];
const CRASHED: [&str; 7] = [
    "crashed",
    "crashed-header",
    "crashed-bit",
    "crashed-lost",
    "crashed-misplaced",
    "crashed-short",
    "crashed-long",
];

fn rows(write: impl FnOnce(&mut Written) -> &mut Written) -> Vec<u8> {
    let mut out = Written::default();
    out.byte(1).byte(BY_ROWS);
    write(&mut out);
    out.finish()
}
