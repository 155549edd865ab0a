//! Answers that are for people: web pages.

/// How much of an answer is looked at.
const BEGINNING_BYTES: usize = 1024;

/// What web servers put into the page of a 400 before any application sees the request: they want TLS, or another client
/// certificate.
const ABOUT_TLS: [&str; 3] = [
    "plain http request was sent to https port",
    "no required ssl certificate was sent",
    "the ssl certificate error",
];

/// Whether an answer is a web page.
pub(crate) fn is_page(body: &[u8]) -> bool {
    let start = beginning(body);
    let start = start.trim_start();
    start.starts_with("<!doctype html") || start.starts_with("<html")
}

/// Whether a web server says that the connection is not the right one, whatever was sent over it.
pub(crate) fn is_about_tls(body: &[u8]) -> bool {
    let start = beginning(body);
    is_page(body) && ABOUT_TLS.iter().any(|words| start.contains(words))
}

fn beginning(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(BEGINNING_BYTES)]).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_told_from_other_answers() {
        assert!(is_page(b" \n<!DOCTYPE html><p>x") && is_page(b"<HTML>"));
        assert!(!is_page(b"{\"error\": \"<html>\"}") && !is_page(b"") && !is_page(b"\xff<html>"));
        let nginx = b"<html>\r\n<head><title>400 No required SSL certificate was sent</title></head>";
        assert!(is_about_tls(nginx) && !is_about_tls(b"<html><title>400 Bad Request</title>"));
        assert!(
            !is_about_tls(b"no required SSL certificate was sent"),
            "an application's own words"
        );
    }
}
