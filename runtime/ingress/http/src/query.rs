//! Parameters of a request's query.

use percent_encoding::percent_decode_str;

/// Returns the values of these names, decoded; of a name that comes twice the first.
pub(crate) fn values<'a>(query: &'a str, names: &'a [String]) -> impl Iterator<Item = (&'a str, String)> {
    names.iter().filter_map(move |name| {
        let mut pairs = query.split('&').filter(|pair| !pair.is_empty());
        let value = pairs.find_map(|pair| {
            let (own, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(own) == *name).then(|| decode(value))
        })?;
        Some((name.as_str(), value))
    })
}

/// `+` is a space. What is not UTF-8 becomes U+FFFD, as in headers.
fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " "))
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_name_is_decoded() {
        let names = ["a", "b b", "none", "empty"].map(str::to_owned);
        let found: Vec<_> = values("x=1&a=%C3%A9+2&a=3&b%20b=4&empty", &names).collect();
        let wanted = [("a", "é 2"), ("b b", "4"), ("empty", "")].map(|(name, value)| (name, value.to_owned()));
        assert_eq!(found, wanted);
    }
}
