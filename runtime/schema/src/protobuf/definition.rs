//! Finds the message of a `.proto` text that a record uses: the one that a separate comment line names,
//!
//! ```proto
//! // message: shop.Order
//! ```
//!
//! or the first message of the text. The comment travels with the text through any registry.

const MARK: &str = "message:";

/// The message that a text names in its comment.
pub(super) fn message(text: &str) -> Result<Option<String>, String> {
    let mut named = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("//")?.trim_start().strip_prefix(MARK));
    let Some(first) = named.next().map(str::trim) else {
        return Ok(None);
    };
    if named.any(|other| other.trim() != first) {
        return Err(format!(
            "the text has several `// {MARK}` lines; a schema is about one message"
        ));
    }
    is_name(first)
        .then(|| Some(first.to_owned()))
        .ok_or_else(|| format!("the comment `// {MARK}` is followed by a message's full name, like `shop.Order`"))
}

/// A `.proto` text that names the message `message`, for the registry.
///
/// # Errors
///
/// The text names another message, or `message` is not the name of one.
pub fn with_message(text: &str, message: &str) -> Result<String, String> {
    if !is_name(message) {
        return Err("`message` is a message's full name, like `shop.Order`".to_owned());
    }
    match self::message(text)? {
        Some(named) if named == message => Ok(text.to_owned()),
        Some(named) => Err(format!(
            "`message` is `{message}`, but the text says `// {MARK} {named}`: remove one of them"
        )),
        None => Ok(format!("{}\n\n// {MARK} {message}\n", text.trim_end())),
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= 512
        && name.split('.').all(|part| {
            let mut bytes = part.bytes();
            bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
                && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_comment_names_the_message() {
        assert_eq!(message("message A {}"), Ok(None));
        assert_eq!(message("// messages are: B\nmessage A {}"), Ok(None));
        assert_eq!(
            message("  //message:  a.B \r\nmessage A {}"),
            Ok(Some("a.B".to_owned()))
        );
        assert!(message("// message: A\n// message: B").is_err());
        assert!(message("// message: 7").is_err());
        let text = with_message("message A {}\n\n", "A").expect("a name");
        assert_eq!(text, "message A {}\n\n// message: A\n");
        assert_eq!(with_message(&text, "A").as_ref(), Ok(&text));
        assert!(with_message(&text, "B").is_err());
        assert!(with_message("message A {}", "A\nmessage B {}").is_err());
    }
}
