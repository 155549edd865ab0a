//! The reference page of metrics, written from the registrations themselves.

use std::fmt::{self, Write};

use prometheus::Registry;

use super::{
    families::Families,
    guest,
    labels::LABELS,
    manual::{MetricManual, Section},
};

const INTRODUCTION: &str = "\
# Metrics

A running pipeline serves these at `/metrics` of its admin port (`[admin]`, by default `127.0.0.1:9090`), in the text format
of Prometheus.

* A series appears when something is first counted or set, and is removed with its connector, topic or subscription.
* The unit `messages` stands for events of a source, records of a topic, and messages of a sink.
* Values of labels are names of the configuration, the streams of an upstream, and the closed sets that [labels](#labels) lists.
  Nothing that a sender or a component sends becomes a label.
* Names that begin with `danube_connector_` are those of Danube Connect.

This page is generated from the registrations in `runtime/telemetry/src/metrics`.
";

const COMPONENTS: &str = "
## Of components

A component has metrics of its own: `danube_guest_` and a name that it chooses, of at most 64 of `a-z`, `0-9` and `_`,
beginning with a letter. A connector can have 64 of them. Two connectors that use one name share the metric; the first one
decides its type.
";

/// The reference page of metrics, in Markdown.
///
/// # Errors
///
/// Those of a registration: a name that is there twice.
pub fn reference_markdown() -> Result<String, prometheus::Error> {
    let sections = Families::register(&Registry::new())?.manual;
    let mut page = INTRODUCTION.to_owned();
    // Writing to a string does not fail.
    let _ = write_page(&mut page, &sections);
    Ok(page)
}

fn write_page(page: &mut String, sections: &[Section]) -> fmt::Result {
    for section in sections {
        writeln!(page, "\n## {}\n", section.title)?;
        write_metrics(page, section.metrics.iter())?;
    }
    writeln!(page, "{COMPONENTS}")?;
    write_components(page)?;
    writeln!(page, "\n## Labels\n\n| label | value |\n|---|---|")?;
    for (label, value) in LABELS {
        writeln!(page, "| `{label}` | {value} |")?;
    }
    write_buckets(page, sections)
}

fn write_metrics<'a>(page: &mut String, metrics: impl Iterator<Item = &'a MetricManual>) -> fmt::Result {
    writeln!(
        page,
        "| metric | type | unit | labels | meaning |\n|---|---|---|---|---|"
    )?;
    for metric in metrics {
        let (kind, unit) = (metric.kind.as_str(), metric.unit.as_str());
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = labels.join(", ");
        writeln!(
            page,
            "| `{}` | {kind} | {unit} | {labels} | {} |",
            metric.name, metric.help
        )?;
    }
    Ok(())
}

fn write_components(page: &mut String) -> fmt::Result {
    writeln!(page, "| metric | type | labels | meaning |\n|---|---|---|---|")?;
    for (kind, help) in guest::HELP {
        writeln!(
            page,
            "| `danube_guest_NAME` | {} | `connector` | {help} |",
            kind.as_str()
        )?;
    }
    Ok(())
}

/// Each set of bounds once, with the histograms that have it.
fn write_buckets(page: &mut String, sections: &[Section]) -> fmt::Result {
    writeln!(page, "\n## Buckets of histograms\n\n| unit | upper bounds |\n|---|---|")?;
    let mut shown: Vec<&[f64]> = Vec::new();
    for metric in sections.iter().flat_map(|section| &section.metrics) {
        if !metric.buckets.is_empty() && !shown.contains(&metric.buckets) {
            let bounds: Vec<_> = metric.buckets.iter().map(f64::to_string).collect();
            writeln!(page, "| {} | {} |", metric.unit.as_str(), bounds.join(", "))?;
            shown.push(metric.buckets);
        }
    }
    Ok(())
}
