//! A receiver's own words, as they may be shown: short, printable, without this sink's secrets.

use crate::{
    config::{Auth, Endpoint},
    limits::SAID_CHARS_MAX,
    page::is_page,
};

/// Shorter ones would be found in ordinary words.
const SECRET_BYTES_MIN: usize = 4;

/// Cuts and cleans what an endpoint says.
pub(crate) struct Words {
    secrets: Vec<String>,
}

impl Words {
    /// Of this endpoint, whose secrets are hidden where it repeats them.
    pub(crate) fn of(endpoint: &Endpoint) -> Self {
        let mut secrets: Vec<_> = endpoint
            .headers
            .iter()
            .map(|(_, value)| value.expose().to_owned())
            .collect();
        secrets.extend(
            endpoint
                .secrets
                .iter()
                .map(|secret| secret.secret().expose().to_owned()),
        );
        match &endpoint.auth {
            None => {}
            Some(Auth::Bearer { token: secret } | Auth::Header { value: secret, .. }) => {
                secrets.push(secret.expose().to_owned());
            }
            Some(Auth::Basic { username, password }) => {
                secrets.push(crate::auth::basic(username, password.expose()));
                secrets.push(password.expose().to_owned());
            }
            Some(Auth::OAuth2 {
                client_id,
                client_secret,
                ..
            }) => {
                secrets.push(crate::auth::basic(client_id, client_secret.expose()));
                secrets.push(client_secret.expose().to_owned());
            }
        }
        // A path of a webhook is often its secret.
        let url = endpoint.url.url();
        secrets.extend([url.path().to_owned(), url.query().unwrap_or_default().to_owned()]);
        secrets.retain(|secret| secret.len() >= SECRET_BYTES_MIN);
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets }
    }

    /// These bytes, for a message. `also` is another secret, such as a token that was just made.
    pub(crate) fn show(&self, said: &[u8], also: Option<&str>) -> String {
        let mut text = String::from_utf8_lossy(said).into_owned();
        let also = also.filter(|secret| secret.len() >= SECRET_BYTES_MIN);
        for secret in also.into_iter().chain(self.secrets.iter().map(String::as_str)) {
            text = text.replace(secret, "***");
        }
        let words = text.split(|c: char| c.is_whitespace() || c.is_control());
        let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
        let line = words.join(" ");
        match line.char_indices().nth(SAID_CHARS_MAX) {
            None => line,
            Some((end, _)) => format!("{}…", &line[..end]),
        }
    }

    /// `: "…"`, or nothing where nothing was said.
    pub(crate) fn quoted(&self, said: &[u8], also: Option<&str>) -> String {
        match self.show(said, also) {
            _ if is_page(said) => " (with a web page)".to_owned(),
            said if said.is_empty() => String::new(),
            said => format!(": \"{said}\""),
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
            words.show(b"no\r\n\tentry for \x1b[31mhunter22 tok-123\x00", Some("tok-123")),
            "no entry for [31m*** ***"
        );
        let long = words.show("ü".repeat(1000).as_bytes(), None);
        assert_eq!(long.chars().count(), SAID_CHARS_MAX + 1);
        assert_eq!(words.quoted(b" \n<!DOCTYPE html><p>x", None), " (with a web page)");
        assert_eq!(words.quoted(b" ", None), "");
    }
}
