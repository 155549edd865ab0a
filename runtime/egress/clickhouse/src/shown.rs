//! The server's own words, as they may be shown: short, printable, without this sink's secrets.

use crate::{
    config::{ClickHouse, Login},
    limits::SAID_CHARS_MAX,
};

/// Shorter ones would be found in ordinary words.
const SECRET_BYTES_MIN: usize = 4;

/// Cuts and cleans what the server says.
pub(crate) struct Words {
    secrets: Vec<String>,
}

impl Words {
    pub(crate) fn of(config: &ClickHouse) -> Self {
        let mut secrets: Vec<_> = config.settings.iter().map(|(_, value)| value.clone()).collect();
        match &config.login {
            Login::Nobody => {}
            Login::User { password, .. } => secrets.extend(password.iter().map(|secret| secret.expose().to_owned())),
            Login::Token(token) => secrets.push(token.expose().to_owned()),
        }
        secrets.retain(|secret| secret.len() >= SECRET_BYTES_MIN);
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets }
    }

    /// These bytes, for a message.
    pub(crate) fn show(&self, said: &[u8]) -> String {
        let mut text = String::from_utf8_lossy(said).into_owned();
        for secret in &self.secrets {
            text = text.replace(secret, "***");
        }
        let words: Vec<_> = text
            .split(|char: char| char.is_control() || char == ' ')
            .filter(|word| !word.is_empty())
            .collect();
        let text = words.join(" ");
        match text.char_indices().nth(SAID_CHARS_MAX) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_cleaned_and_hold_no_secret() {
        let words = Words {
            secrets: vec!["hunter22".to_owned()],
        };
        assert_eq!(
            words.show(b"no\r\n\tentry  for \x1b[31mhunter22\x00"),
            "no entry for [31m***"
        );
        assert_eq!(
            words.show("ü".repeat(1000).as_bytes()).chars().count(),
            SAID_CHARS_MAX + 1
        );
    }
}
