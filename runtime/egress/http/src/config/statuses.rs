//! What the statuses of an endpoint mean, where it differs from what is usual.

use danube_wasm_settings::{
    Field, Table,
    kinds::{Integer, List},
};

/// Statuses of an endpoint that mean something else than they usually do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatusRules {
    /// The record is taken.
    pub accept: Vec<u16>,
    /// It passes: try again.
    pub retry: Vec<u16>,
    /// The record is refused.
    pub refuse: Vec<u16>,
}

impl StatusRules {
    pub(super) fn read(t: &mut Table<'_>) -> Self {
        let accept = list(
            t,
            "accept_statuses",
            "Statuses that count as taken, beside 200 to 299: 409, where it says that a document is there already.",
        )
        .example("[409]")
        .or(Vec::new());
        let retry = list(
            t,
            "retry_statuses",
            "Statuses that pass: the request is sent again, for as long as it takes. Beside 408, 409, 421, 423, 425, 429 and 500 \
             to 599 without 501 and 505.",
        )
        .example("[404]")
        .or(Vec::new());
        let refuse = list(
            t,
            "refuse_statuses",
            "Statuses that refuse a record: it becomes a dead letter. Beside 400, 405, 406, 411, 413, 414, 415, 422, 431, 451 and \
             501. Any other one holds the endpoint until somebody acts.",
        )
        .example("[409]")
        .or(Vec::new());
        let rules = Self { accept, retry, refuse };
        rules.differ(t);
        rules
    }

    fn differ(&self, t: &mut Table<'_>) {
        let all = [&self.accept, &self.retry, &self.refuse];
        let keys = ["accept_statuses", "retry_statuses", "refuse_statuses"];
        for (place, statuses) in all.iter().enumerate() {
            let earlier = |status: &&u16| all[..place].iter().any(|other| other.contains(status));
            if let Some(status) = statuses.iter().find(earlier) {
                t.session().error(
                    &t.span(keys[place]),
                    format!("{status} is in two lists of statuses"),
                    "keep it in one of `accept_statuses`, `retry_statuses` and `refuse_statuses`",
                );
            }
        }
    }
}

fn list<'t, 's>(t: &'t mut Table<'s>, key: &'static str, about: &'static str) -> Field<'t, 's, List<Integer<u16>>> {
    let kind = List {
        kind: Integer(300..=599),
        len: 0..=32,
    };
    t.field(key, kind, about)
}
