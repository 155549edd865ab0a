//! Cuts a component's texts to size.

/// The longest prefix of at most so many bytes that ends between two characters.
pub(crate) fn truncate(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// The same, in place.
pub(crate) fn truncated(mut text: String, bytes_max: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes_max));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_between_characters() {
        assert_eq!(truncate("aé", 3), "aé");
        assert_eq!(truncate("aé", 2), "a");
        assert_eq!(truncated("aé".into(), 2), "a");
        assert_eq!(truncate("", 5), "");
    }
}
