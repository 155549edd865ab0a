//! Runs a process with the library between it and its disk.

use std::{
    io,
    path::{Path, PathBuf},
    process::Command,
};

use crate::Clock;

/// Environment variables that the library reads.
pub mod variable {
    /// The directory it watches, absolute and without symbolic links.
    pub const DIRECTORY: &str = "FAULTDISK_DIRECTORY";
    /// The journal, outside of that.
    pub const JOURNAL: &str = "FAULTDISK_JOURNAL";
    /// What happens: `fail <first> <count> <errno>`, `hang <from> <errno>` or `die <last>`. Nothing if it is not set.
    pub const FAULT: &str = "FAULTDISK_FAULT";
    /// The file of a [`Clock`](crate::Clock).
    pub const CLOCK: &str = "FAULTDISK_CLOCK";
}

/// The fault of a process. Its changes are numbered from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// These fail.
    Fail {
        /// The first that does.
        first: u64,
        /// How many.
        count: u64,
        /// With what.
        errno: i32,
    },
    /// A sync does not return until there is a file named by [`Fault::released_by`]. Then it fails.
    Hang {
        /// The first sync from this change on.
        from: u64,
        /// With what.
        errno: i32,
    },
    /// The process is killed right after this one.
    Die {
        /// The last change.
        last: u64,
    },
}

impl Fault {
    /// As the variable has it.
    pub fn to_text(self) -> String {
        match self {
            Self::Fail { first, count, errno } => format!("fail {first} {count} {errno}"),
            Self::Hang { from, errno } => format!("hang {from} {errno}"),
            Self::Die { last } => format!("die {last}"),
        }
    }

    /// The file that ends a sync's waiting, beside the journal.
    pub fn released_by(journal: &Path) -> PathBuf {
        journal.with_added_extension("release")
    }

    /// From the variable.
    pub fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split(' ').collect();
        match words[..] {
            ["fail", first, count, errno] => Some(Self::Fail {
                first: first.parse().ok()?,
                count: count.parse().ok()?,
                errno: errno.parse().ok()?,
            }),
            ["hang", from, errno] => Some(Self::Hang {
                from: from.parse().ok()?,
                errno: errno.parse().ok()?,
            }),
            ["die", last] => Some(Self::Die {
                last: last.parse().ok()?,
            }),
            _ => None,
        }
    }
}

/// The built library.
#[derive(Debug, Clone)]
pub struct Spy {
    library: PathBuf,
}

impl Spy {
    /// Builds the library if necessary. It cannot be a dependency, because a program that links it gets its `write`.
    /// `near` is a file of the target directory's profile folder or of a folder in it, such as a test's own executable.
    pub fn build(near: &Path) -> io::Result<Self> {
        let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["build", "--quiet", "--manifest-path"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("preload/Cargo.toml"))
            .output()?;
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        near.ancestors()
            .map(|folder| folder.join("libdanube_wasm_faultdisk_preload.so"))
            .find(|library| library.exists())
            .map(|library| Self { library })
            .ok_or_else(|| io::Error::other(format!("the library was built, but not into {}", near.display())))
    }

    /// Environment of a process that has this wall clock, inherited by its children.
    pub fn with_clock(&self, clock: &Clock) -> [(&'static str, PathBuf); 2] {
        [
            ("LD_PRELOAD", self.library.clone()),
            (variable::CLOCK, clock.path().to_owned()),
        ]
    }

    /// Puts the library between the process and an existing directory. Appends to the journal. Children of the process
    /// are not watched.
    pub fn watch(
        &self,
        process: &mut Command,
        directory: &Path,
        journal: &Path,
        fault: Option<Fault>,
    ) -> io::Result<()> {
        process
            .env("LD_PRELOAD", &self.library)
            .env(variable::DIRECTORY, directory.canonicalize()?)
            .env(variable::JOURNAL, std::path::absolute(journal)?)
            .env_remove(variable::FAULT);
        if let Some(fault) = fault {
            process.env(variable::FAULT, fault.to_text());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_read_as_it_is_written() {
        let faults = [
            Fault::Fail {
                first: 3,
                count: u64::MAX,
                errno: 28,
            },
            Fault::Hang { from: 2, errno: 5 },
            Fault::Die { last: 0 },
        ];
        for fault in faults {
            assert_eq!(Fault::parse(&fault.to_text()), Some(fault));
        }
        assert_eq!(Fault::parse("fail 1"), None);
    }
}
