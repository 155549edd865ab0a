//! The name that was probably meant.

/// The closest of `names` to `given`, if any is close: at most a third of its letters differ, and at least one may.
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
    fn finds_typos_and_nothing_far_fetched() {
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
