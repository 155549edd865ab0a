//! Bytes that are read once.

/// Why reading ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// There is no more.
    End,
    /// It is not HTTP.
    Broken,
}

pub(super) struct Cursor<'a> {
    rest: &'a [u8],
    /// Whether everything so far must be understood by any server.
    pub(super) strict: bool,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            strict: true,
        }
    }

    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    /// A line of a head, without its end, which may be a bare line feed. A carriage return stands nowhere else.
    pub(super) fn head_line(&mut self) -> Result<&'a [u8], Stop> {
        let at = self.rest.iter().position(|b| *b == b'\n').ok_or(Stop::End)?;
        let line = &self.rest[..at];
        self.rest = &self.rest[at + 1..];
        let line = match line.strip_suffix(b"\r") {
            Some(line) => line,
            None => {
                self.strict = false;
                line
            }
        };
        match line.contains(&b'\r') {
            true => Err(Stop::Broken),
            false => Ok(line),
        }
    }

    /// A line that ends with a carriage return and a line feed.
    pub(super) fn crlf_line(&mut self) -> Result<&'a [u8], Stop> {
        let at = self.rest.iter().position(|b| *b == b'\r').ok_or(Stop::End)?;
        match self.rest.get(at + 1) {
            None => Err(Stop::End),
            Some(b'\n') => {
                let line = &self.rest[..at];
                self.rest = &self.rest[at + 2..];
                Ok(line)
            }
            Some(_) => Err(Stop::Broken),
        }
    }

    pub(super) fn take(&mut self, n: u64) -> Result<&'a [u8], Stop> {
        let n = usize::try_from(n).map_err(|_| Stop::End)?;
        let (taken, rest) = self.rest.split_at_checked(n).ok_or(Stop::End)?;
        self.rest = rest;
        Ok(taken)
    }
}
