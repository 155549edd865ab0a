//! Every metric says what it is.

use std::collections::BTreeSet;

use prometheus::Registry;

use super::{
    ConnectorState,
    families::Families,
    labels::LABELS,
    manual::{Kind, MetricManual, Unit},
};

fn registered() -> Vec<MetricManual> {
    let families = Families::register(&Registry::new()).expect("every name is registered once");
    families
        .manual
        .into_iter()
        .flat_map(|section| section.metrics)
        .collect()
}

#[test]
fn every_metric_has_a_sentence_and_says_its_type_and_unit_in_its_name() {
    for metric in registered() {
        let name = &metric.name;
        assert!(
            metric.help.ends_with('.') && metric.help.len() > 20,
            "{name}: {}",
            metric.help
        );
        assert!(!metric.help.contains('|'), "{name} would break its table");
        assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
        let stem = name.trim_end_matches("_total");
        for unit in [Unit::Seconds, Unit::Bytes] {
            let suffix = unit.suffix().expect("these have one");
            assert_eq!(stem.ends_with(suffix), metric.unit == unit, "{name}");
        }
    }
}

#[test]
fn every_label_is_explained_and_none_that_is_not_there() {
    let used: BTreeSet<_> = registered().into_iter().flat_map(|metric| metric.labels).collect();
    let explained: BTreeSet<_> = LABELS.iter().map(|(label, _)| (*label).to_owned()).collect();
    assert_eq!(used, explained);
}

#[test]
fn every_state_is_on_the_page() {
    let (_, states) = LABELS
        .iter()
        .find(|(label, _)| *label == "state")
        .expect("it is explained");
    for state in ConnectorState::ALL {
        assert!(states.contains(&format!("`{}`", state.as_str())), "{state:?}");
    }
}
