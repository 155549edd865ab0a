//! Suggestions for misspelled names.

/// Returns the name closest to `given`, if one is close: at most a third of its letters differ, or a single one.
pub fn among<'n>(given: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let given = given.to_ascii_lowercase();
    let close = |name: &'n str| {
        let distance = strsim::damerau_levenshtein(&given, &name.to_ascii_lowercase());
        (distance <= (name.chars().count() / 3).max(1)).then_some((distance, name))
    };
    // Names much longer than any key are not worth the quadratic comparison.
    if given.len() > 128 {
        return None;
    }
    names
        .into_iter()
        .filter_map(close)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
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
}
