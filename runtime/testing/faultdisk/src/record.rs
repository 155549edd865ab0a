//! One record of the journal, and its encoding.
//!
//! `length u32 | kind u8 | errno i32 | fields`, integers little-endian, texts and bytes preceded by their length.
//! `errno` is 0 for a change that succeeded. A process that is killed leaves whole records only: each is one `write`.

use std::{io, path::Path};

/// A change of the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new, empty file of this name. Files are identified by their inode from then on.
    Create {
        /// Name below the directory.
        path: String,
        /// Its inode.
        file: u64,
    },
    /// A new directory.
    MakeDirectory {
        /// Name below the directory.
        path: String,
    },
    /// Bytes at a place.
    Write {
        /// Inode.
        file: u64,
        /// Where, in bytes.
        offset: u64,
        /// What.
        bytes: Vec<u8>,
    },
    /// Cut or grown, with zeros, to this many bytes.
    Length {
        /// Inode.
        file: u64,
        /// Bytes.
        length: u64,
    },
    /// A file's bytes and length are made durable.
    Sync {
        /// Inode.
        file: u64,
    },
    /// A directory's names are made durable.
    SyncDirectory {
        /// Name below the directory; empty for itself.
        path: String,
    },
    /// A file or directory is renamed.
    Rename {
        /// Old name.
        from: String,
        /// New name. A file that had it is removed.
        to: String,
    },
    /// A file gets a second name.
    Link {
        /// The name that it has.
        from: String,
        /// The new one.
        to: String,
    },
    /// The name of a file or an empty directory is removed.
    Remove {
        /// The name.
        path: String,
    },
}

/// A change and its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The requested change.
    pub change: Change,
    /// The error that it failed with, or 0.
    pub errno: i32,
    /// Where the next record starts in the journal, in bytes. Filled in by [`journal`].
    pub end: u64,
}

/// Reads a journal. If a process ended while one of its threads wrote, the last record is incomplete: that change
/// counts as not made, since nothing followed it.
pub fn journal(path: &Path) -> io::Result<Vec<Record>> {
    let bytes = match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        bytes => bytes?,
    };
    let mut rest = Reader(&bytes);
    let mut records = Vec::new();
    while !rest.is_torn() {
        let mut record = rest
            .record()
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the journal has a record that is none"))?;
        record.end = (bytes.len() - rest.0.len()) as u64;
        records.push(record);
    }
    Ok(records)
}

impl Record {
    /// As a line of the journal.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![0; 4];
        let (kind, texts, numbers, bytes): (u8, [&str; 2], [u64; 2], &[u8]) = match &self.change {
            Change::Create { path, file } => (0, [path, ""], [*file, 0], &[]),
            Change::MakeDirectory { path } => (1, [path, ""], [0, 0], &[]),
            Change::Write { file, offset, bytes } => (2, ["", ""], [*file, *offset], bytes),
            Change::Length { file, length } => (3, ["", ""], [*file, *length], &[]),
            Change::Sync { file } => (4, ["", ""], [*file, 0], &[]),
            Change::SyncDirectory { path } => (5, [path, ""], [0, 0], &[]),
            Change::Rename { from, to } => (6, [from, to], [0, 0], &[]),
            Change::Remove { path } => (7, [path, ""], [0, 0], &[]),
            Change::Link { from, to } => (8, [from, to], [0, 0], &[]),
        };
        out.push(kind);
        out.extend(self.errno.to_le_bytes());
        numbers.iter().for_each(|number| out.extend(number.to_le_bytes()));
        for part in [texts[0].as_bytes(), texts[1].as_bytes(), bytes] {
            out.extend((part.len() as u32).to_le_bytes());
            out.extend(part);
        }
        let length = (out.len() - 4) as u32;
        out[..4].copy_from_slice(&length.to_le_bytes());
        out
    }
}

struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// Whether no whole record is left.
    fn is_torn(&self) -> bool {
        let mut ahead = Reader(self.0);
        let length = ahead.number(4);
        length.is_none_or(|length| ahead.0.len() < length as usize)
    }

    fn number(&mut self, bytes: usize) -> Option<u64> {
        let mut number = [0; 8];
        number[..bytes].copy_from_slice(self.take(bytes)?);
        Some(u64::from_le_bytes(number))
    }

    fn part(&mut self) -> Option<&'b [u8]> {
        let length = self.number(4)?;
        self.take(length as usize)
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.part()?.to_vec()).ok()
    }

    fn record(&mut self) -> Option<Record> {
        let length = self.number(4)?;
        let mut line = Reader(self.take(length as usize)?);
        let (kind, errno) = (line.number(1)?, line.number(4)? as u32 as i32);
        let [a, b] = [line.number(8)?, line.number(8)?];
        let (path, to, bytes) = (line.text()?, line.text()?, line.part()?.to_vec());
        let change = match kind {
            0 => Change::Create { path, file: a },
            1 => Change::MakeDirectory { path },
            2 => Change::Write {
                file: a,
                offset: b,
                bytes,
            },
            3 => Change::Length { file: a, length: b },
            4 => Change::Sync { file: a },
            5 => Change::SyncDirectory { path },
            6 => Change::Rename { from: path, to },
            7 => Change::Remove { path },
            8 => Change::Link { from: path, to },
            _ => return None,
        };
        Some(Record { change, errno, end: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_down_is_read_back() {
        let path = || "a/b".to_owned();
        let changes = [
            Change::Create { path: path(), file: 7 },
            Change::MakeDirectory { path: path() },
            Change::Write {
                file: 7,
                offset: u64::MAX,
                bytes: vec![0, 1, 255],
            },
            Change::Length { file: 7, length: 9 },
            Change::Sync { file: 7 },
            Change::SyncDirectory { path: String::new() },
            Change::Rename {
                from: path(),
                to: "ü".to_owned(),
            },
            Change::Remove { path: path() },
            Change::Link {
                from: path(),
                to: path(),
            },
        ];
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("journal");
        let mut bytes = Vec::new();
        let mut expected = Vec::new();
        for (errno, change) in (0..).zip(changes) {
            let mut record = Record { change, errno, end: 0 };
            bytes.extend(record.encode());
            record.end = bytes.len() as u64;
            expected.push(record);
        }
        std::fs::write(&file, &bytes).expect("written");
        assert_eq!(journal(&file).expect("read"), expected);
        for torn in [1, 30] {
            std::fs::write(&file, &bytes[..bytes.len() - torn]).expect("written");
            let whole = expected.len() - 1;
            assert_eq!(
                journal(&file).expect("read"),
                expected[..whole],
                "{torn} bytes are missing"
            );
        }
        const KIND: usize = 4;
        bytes[KIND] = 99;
        std::fs::write(&file, &bytes).expect("written");
        assert!(journal(&file).is_err());
    }
}
