//! The suite as a page: a row a case, a column a broker.

use crate::Capabilities;

/// Module and name of each case.
const CASES: &[(&str, &str)] = crate::with_cases! { case_names };

/// The names of cases, as a slice of pairs.
#[doc(hidden)]
#[macro_export]
macro_rules! case_names {
    ($($module:ident :: $case:ident,)*) => { &[$((stringify!($module), stringify!($case)),)*] };
}

const HEAD: &str = "# What each broker does

Every broker is tested by the same suite, `runtime/testing/conformance`; this page is made of it. Where a broker does otherwise than is
asked of all, the cell says how, and the test of that broker fails if that is not so any more. `yes`: as the row says. NATS is tested
with its default `max_payload`. Danube 0.15.1 is tested where there is one (`make test-danube`), the others in each `make test`.
[Which broker](brokers.md) says what follows from it.
";

/// The page `docs/broker-conformance.md`.
pub fn markdown() -> String {
    let brokers = [
        ("embedded log", Capabilities::embedded_log()),
        ("`danube-wasm broker`", Capabilities::danube_wasm_broker()),
        ("NATS, one server", Capabilities::nats(1)),
        ("NATS, three servers", Capabilities::nats(3)),
        ("Danube", Capabilities::danube()),
    ];
    let columns = brokers.map(|(name, can)| (name, can.deviations()));
    let mut page = HEAD.to_owned();
    for part in CASES.chunk_by(|(a, _), (b, _)| a == b) {
        let module = part.first().map_or("", |(module, _)| module);
        page += &format!(
            "\n| {module} | {} |\n",
            columns.each_ref().map(|(name, _)| *name).join(" | ")
        );
        page += &format!("|---|{}\n", "---|".repeat(columns.len()));
        for (_, case) in part {
            let cells = columns.each_ref().map(|(_, deviations)| cell(deviations, case));
            page += &format!("| {} | {} |\n", case.replace('_', " "), cells.join(" | "));
        }
    }
    page
}

fn cell(deviations: &[(&'static str, String)], case: &str) -> String {
    let of_case = deviations.iter().filter(|(of, _)| *of == case);
    let said: Vec<_> = of_case.map(|(_, instead)| instead.as_str()).collect();
    match said.is_empty() {
        true => "yes".to_owned(),
        false => said.join("; "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_deviation_is_of_a_case() {
        let nothing = Capabilities {
            groups_are_atomic: false,
            publishes_durably: false,
            starts_at_earliest: false,
            fails_over: false,
            frees_exclusive: false,
            keeps_acknowledgements: false,
            acknowledges_in_any_order: false,
            handles_survive: false,
            tells_lag: false,
            refuses_incompatible: false,
            ..Capabilities::full()
        };
        for (of, instead) in nothing.deviations() {
            assert!(CASES.iter().any(|(_, case)| *case == of), "{of}: {instead}");
        }
    }
}
