//! JSON pointers (RFC 6901).

use crate::{limits::VIOLATION_PATH_BYTES_MAX, violations::bounded};

/// A member's name as one step of a pointer: `~` and `/` are escaped.
pub(crate) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A pointer under construction.
#[derive(Default)]
pub(crate) struct Pointer(String);

impl Pointer {
    /// Adds a member's name; only its start, if the pointer would become too long.
    pub(crate) fn push_key(&mut self, key: &str) {
        self.0.push('/');
        let end = key.floor_char_boundary(VIOLATION_PATH_BYTES_MAX);
        self.0.push_str(&escaped(&key[..end]));
    }

    /// Adds the index of an element.
    pub(crate) fn push_index(&mut self, index: usize) {
        self.0.push('/');
        self.0.push_str(&index.to_string());
    }

    /// The pointer, cut to the length of a violation's path.
    pub(crate) fn finish(self) -> String {
        bounded(&self.0, VIOLATION_PATH_BYTES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped() {
        let mut pointer = Pointer::default();
        pointer.push_key("a/b");
        pointer.push_index(3);
        pointer.push_key("c~d");
        assert_eq!(pointer.finish(), "/a~1b/3/c~0d");
    }
}
