//! Values out of bytes, and back: every input means something, and an input that means what one wants can be written.

/// Reads values front to back. Behind the end everything is zero or empty.
pub(crate) struct Pieces<'a>(&'a [u8]);

impl<'a> Pieces<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn take(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(n.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// One byte, or after 255 eight.
    pub(crate) fn long(&mut self) -> u64 {
        match self.byte() {
            u8::MAX => {
                let mut bytes = [0; 8];
                let taken = self.take(8);
                bytes[..taken.len()].copy_from_slice(taken);
                u64::from_le_bytes(bytes)
            }
            small => small.into(),
        }
    }

    /// As [`Pieces::long`], cut to its lower half.
    pub(crate) fn number(&mut self) -> u32 {
        self.long() as u32
    }

    /// As [`Pieces::long`], below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.long() % n.max(1) as u64).unwrap_or(0)
    }

    /// Its length first.
    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let n = self.below(usize::MAX);
        self.take(n)
    }

    /// As [`Pieces::bytes`], whatever is not UTF-8 replaced.
    pub(crate) fn text(&mut self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    /// Their number first. Ends early with the input.
    pub(crate) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let n = self.byte();
        let mut items = Vec::new();
        while items.len() < usize::from(n) && !self.is_empty() {
            items.push(item(self));
        }
        items
    }
}

/// Writes what [`Pieces`] reads.
#[derive(Default)]
pub(crate) struct Written(Vec<u8>);

impl Written {
    pub(crate) fn byte(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    pub(crate) fn long(&mut self, value: u64) -> &mut Self {
        match u8::try_from(value) {
            Ok(small) if small < u8::MAX => self.0.push(small),
            _ => {
                self.0.push(u8::MAX);
                self.0.extend_from_slice(&value.to_le_bytes());
            }
        }
        self
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.long(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    /// At most 255.
    pub(crate) fn list<T>(&mut self, items: &[T], mut item: impl FnMut(&mut Self, &T)) -> &mut Self {
        self.0.push(u8::try_from(items.len()).unwrap_or(u8::MAX));
        items.iter().take(u8::MAX.into()).for_each(|value| item(self, value));
        self
    }

    pub(crate) fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}
