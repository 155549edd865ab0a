//! A wall clock that a test sets or stops while a process reads it.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// What the wall clock shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wall {
    /// The time.
    Right,
    /// The time plus so many milliseconds; earlier if negative.
    Off(i64),
    /// Always the same, in milliseconds since 1970-01-01 UTC.
    Still(i64),
}

/// A file of eight bytes that the library shares with the process, with the clock's setting.
#[derive(Debug)]
pub struct Clock {
    file: File,
    path: PathBuf,
}

impl Clock {
    /// A clock that is right.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = File::create(path)?;
        let clock = Self {
            file,
            path: std::path::absolute(path)?,
        };
        clock.set(Wall::Right)?;
        Ok(clock)
    }

    /// From now on.
    pub fn set(&self, wall: Wall) -> io::Result<()> {
        self.file.write_all_at(&wall.to_number().to_ne_bytes(), 0)
    }

    /// Stops the clock.
    pub fn stop(&self) -> io::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.set(Wall::Still(i64::try_from(now.as_millis()).unwrap_or(i64::MAX / 2)))
    }

    /// Sets the clock back.
    pub fn set_back(&self, by: Duration) -> io::Result<()> {
        self.set(Wall::Off(-i64::try_from(by.as_millis()).unwrap_or(i64::MAX / 2)))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Wall {
    /// As stored in the file: the lowest bit is set if the clock is stopped.
    pub fn to_number(self) -> i64 {
        match self {
            Self::Right => 0,
            Self::Off(ms) => ms << 1,
            Self::Still(ms) => (ms << 1) | 1,
        }
    }

    /// From the file.
    pub fn from_number(number: i64) -> Self {
        match (number & 1, number >> 1) {
            (0, 0) => Self::Right,
            (0, ms) => Self::Off(ms),
            (_, ms) => Self::Still(ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_is_read() {
        for wall in [
            Wall::Right,
            Wall::Off(-3_600_000),
            Wall::Off(5),
            Wall::Still(0),
            Wall::Still(9),
        ] {
            assert_eq!(Wall::from_number(wall.to_number()), wall);
        }
    }
}
