//! A disk with a page cache, built from a journal.
//!
//! Files and directories are nodes; a name is an edge from a directory to a node. Both exist twice, as they are seen
//! and as they are durable, with the list of changes between the two, oldest first.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use crate::record::{Change, Record};

/// Index of a node.
pub(crate) type Node = usize;

/// Names in a directory.
pub(crate) type Names = BTreeMap<String, Node>;

/// The state of a directory after a process's changes.
#[derive(Debug, Clone)]
pub struct Disk {
    pub(crate) nodes: Vec<Content>,
    inodes: HashMap<u64, Node>,
}

#[derive(Debug, Clone)]
pub(crate) enum Content {
    File(File),
    Directory(Directory),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct File {
    pub(crate) seen: Vec<u8>,
    pub(crate) durable: Vec<u8>,
    pub(crate) unsynced: Vec<Bytes>,
}

#[derive(Debug, Clone)]
pub(crate) enum Bytes {
    Write(usize, Vec<u8>),
    Length(usize),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Directory {
    pub(crate) seen: Names,
    pub(crate) durable: Names,
    pub(crate) unsynced: Vec<Entry>,
}

#[derive(Debug, Clone)]
pub(crate) enum Entry {
    Put(String, Node),
    Take(String),
    /// Within one directory, which happens as one.
    Move(String, String, Node),
}

/// The watched directory.
pub(crate) const ROOT: Node = 0;

impl Default for Disk {
    fn default() -> Self {
        Self {
            nodes: vec![Content::Directory(Directory::default())],
            inodes: HashMap::new(),
        }
    }
}

impl Disk {
    /// Reads a directory, all of it durable. Sockets and similar files are left out.
    pub fn of(directory: &Path) -> io::Result<Self> {
        let mut disk = Self::default();
        let names = disk.read(directory)?;
        disk.nodes[ROOT] = Content::Directory(names);
        Ok(disk)
    }

    /// After these, from an empty directory.
    pub fn after(records: &[Record]) -> Result<Self, String> {
        Self::default().then(records)
    }

    /// After these.
    pub fn then(&self, records: &[Record]) -> Result<Self, String> {
        let mut disk = self.clone();
        for record in records {
            disk.apply(record).map_err(|problem| format!("{problem}: {record:?}"))?;
        }
        Ok(disk)
    }

    /// One more.
    pub fn apply(&mut self, record: &Record) -> Result<(), String> {
        match (&record.change, record.errno) {
            // The data of a failed sync stays in the cache and is lost on the disk.
            (Change::Sync { file }, errno) if errno != 0 => self.file(*file)?.unsynced.clear(),
            (_, errno) if errno != 0 => {}
            (Change::Create { path, file }, _) => {
                let node = self.add(path, Content::File(File::default()))?;
                self.inodes.insert(*file, node);
            }
            (Change::MakeDirectory { path }, _) => drop(self.add(path, Content::Directory(Directory::default()))?),
            (Change::Write { file, offset, bytes }, _) => {
                self.file(*file)?.change(Bytes::Write(*offset as usize, bytes.clone()));
            }
            (Change::Length { file, length }, _) => self.file(*file)?.change(Bytes::Length(*length as usize)),
            (Change::Sync { file }, _) => {
                let file = self.file(*file)?;
                for change in std::mem::take(&mut file.unsynced) {
                    change.apply(&mut file.durable);
                }
            }
            (Change::SyncDirectory { path }, _) => {
                let node = self.find(path)?;
                let directory = self.directory(node)?;
                for entry in std::mem::take(&mut directory.unsynced) {
                    entry.apply(&mut directory.durable);
                }
            }
            (Change::Rename { from, to }, _) => self.rename(from, to)?,
            (Change::Link { from, to }, _) => {
                let (node, (parent, name)) = (self.find(from)?, self.place(to)?);
                self.directory(parent)?.change(Entry::Put(name, node));
            }
            (Change::Remove { path }, _) => {
                let (parent, name) = self.place(path)?;
                self.directory(parent)?.change(Entry::Take(name));
            }
        }
        Ok(())
    }

    /// The first difference between the journal and a real directory.
    pub fn differs_from(&self, directory: &Path) -> io::Result<Option<String>> {
        self.compare(ROOT, directory)
    }

    fn read(&mut self, directory: &Path) -> io::Result<Directory> {
        let mut names = Names::new();
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            let content = if entry.file_type()?.is_dir() {
                Content::Directory(self.read(&entry.path())?)
            } else if entry.file_type()?.is_file() {
                self.inodes.insert(entry.metadata()?.ino(), self.nodes.len());
                Content::File(File::synced(std::fs::read(entry.path())?))
            } else {
                continue;
            };
            names.insert(entry.file_name().to_string_lossy().into_owned(), self.nodes.len());
            self.nodes.push(content);
        }
        Ok(Directory {
            seen: names.clone(),
            durable: names,
            unsynced: Vec::new(),
        })
    }

    fn compare(&self, node: Node, path: &Path) -> io::Result<Option<String>> {
        let names = match &self.nodes[node] {
            Content::File(file) => {
                let same = std::fs::read(path)? == file.seen;
                return Ok((!same).then(|| format!("the bytes of {}", path.display())));
            }
            Content::Directory(directory) => &directory.seen,
        };
        let mut there = Vec::new();
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() || entry.file_type()?.is_file() {
                there.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        there.sort();
        if !there.iter().eq(names.keys()) {
            return Ok(Some(format!(
                "{} has {there:?}, not {:?}",
                path.display(),
                names.keys()
            )));
        }
        for (name, node) in names {
            if let Some(difference) = self.compare(*node, &path.join(name))? {
                return Ok(Some(difference));
            }
        }
        Ok(None)
    }

    fn add(&mut self, path: &str, content: Content) -> Result<Node, String> {
        let (parent, name) = self.place(path)?;
        let node = self.nodes.len();
        self.nodes.push(content);
        self.directory(parent)?.change(Entry::Put(name, node));
        Ok(node)
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), String> {
        let node = self.find(from)?;
        let (old, new) = (self.place(from)?, self.place(to)?);
        if old.0 == new.0 {
            self.directory(old.0)?.change(Entry::Move(old.1, new.1, node));
        } else {
            self.directory(new.0)?.change(Entry::Put(new.1, node));
            self.directory(old.0)?.change(Entry::Take(old.1));
        }
        Ok(())
    }

    /// The parent directory of a path, and its last part.
    fn place(&self, path: &str) -> Result<(Node, String), String> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        Ok((self.find(parent)?, name.to_owned()))
    }

    fn find(&self, path: &str) -> Result<Node, String> {
        let mut node = ROOT;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let Content::Directory(directory) = &self.nodes[node] else {
                return Err(format!("`{path}` goes through a file"));
            };
            node = *directory
                .seen
                .get(name)
                .ok_or_else(|| format!("`{path}` is not there"))?;
        }
        Ok(node)
    }

    fn file(&mut self, inode: u64) -> Result<&mut File, String> {
        let node = self.inodes.get(&inode).ok_or("a file that nobody created")?;
        match &mut self.nodes[*node] {
            Content::File(file) => Ok(file),
            Content::Directory(_) => Err("a directory is used as a file".to_owned()),
        }
    }

    fn directory(&mut self, node: Node) -> Result<&mut Directory, String> {
        match &mut self.nodes[node] {
            Content::Directory(directory) => Ok(directory),
            Content::File(_) => Err("a file is used as a directory".to_owned()),
        }
    }
}

impl File {
    fn synced(bytes: Vec<u8>) -> Self {
        Self {
            seen: bytes.clone(),
            durable: bytes,
            unsynced: Vec::new(),
        }
    }

    fn change(&mut self, change: Bytes) {
        change.apply(&mut self.seen);
        self.unsynced.push(change);
    }
}

impl Bytes {
    pub(crate) fn apply(&self, file: &mut Vec<u8>) {
        match self {
            Self::Length(length) => file.resize(*length, 0),
            Self::Write(offset, bytes) => {
                let end = offset + bytes.len();
                if file.len() < end {
                    file.resize(end, 0);
                }
                file[*offset..end].copy_from_slice(bytes);
            }
        }
    }
}

impl Directory {
    fn change(&mut self, entry: Entry) {
        entry.apply(&mut self.seen);
        self.unsynced.push(entry);
    }
}

impl Entry {
    pub(crate) fn apply(&self, names: &mut Names) {
        match self {
            Self::Put(name, node) => drop(names.insert(name.clone(), *node)),
            Self::Take(name) => drop(names.remove(name)),
            Self::Move(from, to, node) => {
                names.remove(from);
                names.insert(to.clone(), *node);
            }
        }
    }
}
