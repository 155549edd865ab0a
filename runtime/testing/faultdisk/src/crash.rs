//! What a crash leaves of a disk.

use std::{
    fs::{DirBuilder, File},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use crate::disk::{self, Bytes, Content, Directory, Disk, Names, Node, ROOT};

/// Smallest piece of a write that is there or is not.
const SECTOR_BYTES: usize = 512;

/// How much of what was not synced survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// All of it: only the process died.
    Process,
    /// None of it.
    PowerAndCache,
    /// What chance leaves: whole changes, none, or some of a write's sectors.
    Power {
        /// The same seed leaves the same.
        seed: u64,
    },
    /// Of each file's last write the first bytes only; all else survives.
    Torn {
        /// How many bytes of it, at most all but one.
        bytes: usize,
    },
}

impl Disk {
    /// Makes what a crash leaves, in an empty directory. Only the owner may read it: who may is not recorded.
    pub fn after_crash(&self, crash: Crash, into: &Path) -> io::Result<()> {
        let seed = match crash {
            Crash::Power { seed } => seed,
            _ => 0,
        };
        self.make(ROOT, crash, &mut StdRng::seed_from_u64(seed), into)
    }

    fn make(&self, node: Node, crash: Crash, rng: &mut StdRng, at: &Path) -> io::Result<()> {
        match &self.nodes[node] {
            Content::File(file) => {
                let mut made = File::options().write(true).create_new(true).mode(0o600).open(at)?;
                made.write_all(&bytes(file, crash, rng))
            }
            Content::Directory(directory) => {
                if node != ROOT {
                    DirBuilder::new().mode(0o700).create(at)?;
                }
                for (name, node) in names(directory, crash, rng) {
                    self.make(node, crash, rng, &at.join(name))?;
                }
                Ok(())
            }
        }
    }
}

fn names(directory: &Directory, crash: Crash, rng: &mut StdRng) -> Names {
    let survive = match crash {
        Crash::Process | Crash::Torn { .. } => return directory.seen.clone(),
        Crash::PowerAndCache => 0,
        Crash::Power { .. } => rng.random_range(0..=directory.unsynced.len()),
    };
    let mut names = directory.durable.clone();
    directory.unsynced[..survive]
        .iter()
        .for_each(|entry| entry.apply(&mut names));
    names
}

fn bytes(file: &disk::File, crash: Crash, rng: &mut StdRng) -> Vec<u8> {
    let mut left = file.durable.clone();
    match crash {
        Crash::Process => return file.seen.clone(),
        Crash::PowerAndCache => {}
        Crash::Power { .. } => file.unsynced.iter().for_each(|change| chance(change, &mut left, rng)),
        Crash::Torn { bytes } => {
            if let Some((last, before)) = file.unsynced.split_last() {
                before.iter().for_each(|change| change.apply(&mut left));
                tear(last, bytes, &mut left);
            }
        }
    }
    left
}

fn tear(last: &Bytes, keep: usize, left: &mut Vec<u8>) {
    match last {
        Bytes::Write(offset, bytes) => {
            let keep = keep.min(bytes.len().saturating_sub(1));
            if keep > 0 {
                Bytes::Write(*offset, bytes[..keep].to_vec()).apply(left);
            }
        }
        Bytes::Length(_) => last.apply(left),
    }
}

fn chance(change: &Bytes, left: &mut Vec<u8>, rng: &mut StdRng) {
    match (change, rng.random_range(0..3)) {
        (_, 0) => {}
        (Bytes::Write(offset, bytes), 1) => sectors(*offset, bytes, left, rng),
        _ => change.apply(left),
    }
}

/// Where the length survives and the bytes do not, there are zeros.
fn sectors(offset: usize, bytes: &[u8], left: &mut Vec<u8>, rng: &mut StdRng) {
    let mut at = 0;
    while at < bytes.len() {
        let end = bytes.len().min(at + SECTOR_BYTES - (offset + at) % SECTOR_BYTES);
        if rng.random_bool(0.5) {
            Bytes::Write(offset + at, bytes[at..end].to_vec()).apply(left);
        }
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Change, Record};

    fn done(change: Change) -> Record {
        Record {
            change,
            errno: 0,
            end: 0,
        }
    }

    fn write(bytes: &[u8], offset: u64) -> Record {
        done(Change::Write {
            file: 1,
            offset,
            bytes: bytes.to_vec(),
        })
    }

    fn create(path: &str) -> Record {
        done(Change::Create {
            path: path.to_owned(),
            file: 1,
        })
    }

    /// What is left of the file `a` or `b`, with its name.
    fn left(records: &[Record], crash: Crash) -> Option<(String, Vec<u8>)> {
        let directory = tempfile::tempdir().expect("a directory");
        let disk = Disk::after(records).expect("a journal");
        disk.after_crash(crash, directory.path()).expect("made");
        let entry = std::fs::read_dir(directory.path())
            .expect("read")
            .next()?
            .expect("a name");
        Some((
            entry.file_name().to_string_lossy().into_owned(),
            std::fs::read(entry.path()).expect("read"),
        ))
    }

    fn root() -> Record {
        done(Change::SyncDirectory { path: String::new() })
    }

    fn sync() -> Record {
        done(Change::Sync { file: 1 })
    }

    fn named(name: &str, bytes: &[u8]) -> Option<(String, Vec<u8>)> {
        Some((name.to_owned(), bytes.to_vec()))
    }

    #[test]
    fn names_and_bytes_are_synced_apart() {
        let bytes = [create("a"), write(b"xy", 0), sync()];
        assert_eq!(left(&bytes, Crash::PowerAndCache), None);
        assert_eq!(left(&bytes, Crash::Process), named("a", b"xy"));
        let name = [create("a"), write(b"xy", 0), root()];
        assert_eq!(left(&name, Crash::PowerAndCache), named("a", b""));
        assert_eq!(left(&name, Crash::Torn { bytes: 1 }), named("a", b"x"));
        let both = [create("a"), write(b"xy", 0), root(), sync(), write(b"z", 2)];
        assert_eq!(left(&both, Crash::PowerAndCache), named("a", b"xy"));
    }

    #[test]
    fn a_rename_is_old_or_new() {
        let rename = done(Change::Rename {
            from: "a".to_owned(),
            to: "b".to_owned(),
        });
        let records = [create("a"), write(b"x", 0), sync(), root(), rename];
        assert_eq!(left(&records, Crash::PowerAndCache), named("a", b"x"));
        let mut seen = Vec::new();
        for seed in 0..20 {
            seen.extend(left(&records, Crash::Power { seed }).map(|(name, _)| name));
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen, ["a", "b"]);
    }

    #[test]
    fn what_a_failed_sync_should_have_written_is_lost_for_good() {
        let failed = Record { errno: 5, ..sync() };
        let records = [create("a"), root(), write(b"x", 0), failed, sync()];
        assert_eq!(left(&records, Crash::PowerAndCache), named("a", b""));
        assert_eq!(left(&records, Crash::Process), named("a", b"x"));
        let again = [&records[..], &[write(b"x", 0), sync()]].concat();
        assert_eq!(left(&again, Crash::PowerAndCache), named("a", b"x"));
    }

    #[test]
    fn chance_loses_sectors_and_leaves_zeros() {
        let records = [create("a"), root(), write(&[1; 1024], 0)];
        let outcomes: Vec<_> = (0..60)
            .filter_map(|seed| left(&records, Crash::Power { seed }))
            .collect();
        let has = |bytes: &[u8]| outcomes.contains(&("a".to_owned(), bytes.to_vec()));
        let hole = [[0; 512], [1; 512]].concat();
        assert!(has(&[]) && has(&[1; 512]) && has(&[1; 1024]) && has(&hole));
    }
}
