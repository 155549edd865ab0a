//! Damage by a disk: changed bytes; pages that are lost, old, or misplaced; a missing end.

use crate::pieces::Pieces;

pub(super) const PAGE_BYTES: usize = 4096;
const EDITS_MAX: usize = 16;

/// Applies the damage that the input selects.
pub(super) fn edit(mut image: Vec<u8>, pieces: &mut Pieces<'_>) -> Vec<u8> {
    for _ in 0..EDITS_MAX {
        if pieces.is_empty() || image.is_empty() {
            break;
        }
        one(&mut image, pieces);
    }
    image
}

fn one(image: &mut Vec<u8>, pieces: &mut Pieces<'_>) {
    match pieces.byte() % 6 {
        0 => {
            let at = place(image, pieces);
            image[at] ^= pieces.byte().max(1);
        }
        1 => {
            let (at, bytes) = (place(image, pieces), pieces.bytes());
            let n = bytes.len().min(image.len() - at);
            image[at..at + n].copy_from_slice(&bytes[..n]);
        }
        2 => {
            let at = place(image, pieces);
            let end = (at + pieces.below(2 * PAGE_BYTES)).min(image.len());
            image[at..end].fill(0);
        }
        3 => {
            let (from, to) = (page(image, pieces), page(image, pieces));
            let n = PAGE_BYTES.min(image.len() - from.max(to));
            image.copy_within(from..from + n, to);
        }
        4 => {
            let at = place(image, pieces);
            image.truncate(at);
        }
        _ => {
            let more = pieces.below(4 * PAGE_BYTES);
            image.resize(image.len() + more, pieces.byte());
        }
    }
}

/// A byte of the header, or of any page that is not empty: most of a file is.
fn place(image: &[u8], pieces: &mut Pieces<'_>) -> usize {
    let page = page(image, pieces);
    (page + pieces.byte() as usize * 16 + pieces.below(16)).min(image.len() - 1)
}

/// The beginning of a page that lies whole in the file, if one does.
fn page(image: &[u8], pieces: &mut Pieces<'_>) -> usize {
    let whole = image.as_chunks::<PAGE_BYTES>().0.iter().enumerate();
    let used: Vec<usize> = whole
        .filter(|(_, page)| page.iter().any(|byte| *byte != 0))
        .map(|(at, _)| at * PAGE_BYTES)
        .collect();
    match used.len() {
        0 => 0,
        n => used[pieces.below(n)],
    }
}
