//! Suggestions for misspelled names.

/// Returns the name closest to `given`, if one is close: at most a third of its letters differ, or a single one. Else the only
/// one that has `given` as one of its words: `danube_topic` has `topic`.
pub fn among<'n>(given: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    // Names much longer than any key are not worth the quadratic comparison.
    if given.len() > 128 {
        return None;
    }
    let given = given.to_ascii_lowercase();
    let (mut closest, mut having): (Option<(usize, &str)>, Vec<&str>) = (None, Vec::new());
    for name in names {
        let lower = name.to_ascii_lowercase();
        let distance = strsim::damerau_levenshtein(&given, &lower);
        let is_close = distance <= (name.chars().count() / 3).max(1);
        if is_close && closest.is_none_or(|(least, _)| distance < least) {
            closest = Some((distance, name));
        }
        if lower.split(['_', '-']).any(|word| word == given) && !having.contains(&name) {
            having.push(name);
        }
    }
    match (closest, &*having) {
        (Some((_, name)), _) => Some(name),
        (None, [only]) => Some(only),
        (None, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_typos_but_no_distant_names() {
        let keys = ["path", "danube_topic", "partitions", "host", "port"];
        for (given, expected) in [
            ("pth", Some("path")),
            ("partition", Some("partitions")),
            ("Danube-Topic", Some("danube_topic")),
            ("prot", Some("port")),
            ("adress", None),
            ("x", None),
        ] {
            assert_eq!(among(given, keys), expected, "{given}");
        }
    }

    #[test]
    fn finds_the_only_name_with_a_word() {
        let keys = ["danube_topic", "ca_file", "key_file"];
        for (given, expected) in [("topic", Some("danube_topic")), ("file", None), ("topics", None)] {
            assert_eq!(among(given, keys), expected, "{given}");
        }
    }
}
