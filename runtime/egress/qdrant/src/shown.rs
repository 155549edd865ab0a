//! Another program's words, as they may be shown: short and printable.

use crate::limits::SAID_CHARS_MAX;

/// These words on one line, without control characters.
pub(crate) fn shown(said: &str) -> String {
    let words = said.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    let line = words.join(" ");
    match line.char_indices().nth(SAID_CHARS_MAX) {
        None => line,
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_and_cleaned() {
        assert_eq!(shown("no\r\n\tentry \x1b[31mfor"), "no entry [31mfor");
        assert_eq!(shown(&"ü".repeat(1000)).chars().count(), SAID_CHARS_MAX + 1);
    }
}
