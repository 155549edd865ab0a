//! The worst case of a schema graph.
//!
//! For every schema and every k up to the depth limit: what evaluating it on a value costs at one value that lies k levels
//! below. In place (`allOf`, `$ref`, ...) costs add up; into a member, named members (`properties`, `prefixItems`) do
//! not, because a member has one name, and the rest (`items`, `patternProperties`, ...) do. The greatest of the root's
//! over all k, times the number of values, is never less than the real cost.

use super::graph::{Edge, Graph};
use crate::limits::PAYLOAD;

/// The worst case of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cost {
    /// For checking whether a payload is valid.
    pub(crate) verdict: Work,
    /// For listing what is wrong with it: alternatives are first tried and then asked for their errors.
    pub(crate) listing: Work,
    /// Schemas under evaluation inside each other.
    pub(crate) stack: u64,
}

/// Work of one kind; saturates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Work {
    /// Steps for each value.
    pub(crate) steps: u64,
    /// States of regular expressions for each byte.
    pub(crate) states: u64,
}

impl Work {
    fn add(&mut self, more: Self) {
        self.steps = self.steps.saturating_add(more.steps);
        self.states = self.states.saturating_add(more.states);
    }

    fn at_least(&mut self, other: Self) {
        self.steps = self.steps.max(other.steps);
        self.states = self.states.max(other.states);
    }

    /// The cost for a payload with this many values and bytes.
    pub(crate) fn of(self, values: usize, bytes: usize) -> u64 {
        let steps = self.steps.saturating_mul(values as u64);
        steps.saturating_add(self.states.saturating_mul(bytes as u64))
    }
}

/// One schema's costs, k levels below.
#[derive(Clone, Copy, Default)]
struct Row {
    verdict: Work,
    listing: Work,
    /// A second walk over schemas that apply in place, for `unevaluatedProperties` and `unevaluatedItems`.
    walk: Work,
    stack: u64,
}

pub(super) fn worst_case(graph: &Graph) -> Result<Cost, String> {
    let order = innermost_first(graph)?;
    let mut above = vec![Row::default(); graph.schemas.len()];
    let mut rows = above.clone();
    let mut worst = Cost {
        verdict: Work::default(),
        listing: Work::default(),
        stack: 0,
    };
    for k in 0..=PAYLOAD.depth_max {
        for &schema in &order {
            rows[schema] = row(graph, schema, k, &rows, &above);
        }
        worst.verdict.at_least(rows[0].verdict);
        worst.listing.at_least(rows[0].listing);
        worst.stack = worst.stack.max(rows[0].stack);
        std::mem::swap(&mut rows, &mut above);
    }
    Ok(worst)
}

/// `here` has this k's rows of everything that applies in place, `above` the rows of k - 1.
fn row(graph: &Graph, schema: usize, k: usize, here: &[Row], above: &[Row]) -> Row {
    let schema = &graph.schemas[schema];
    let mut row = Row {
        stack: 1,
        ..Row::default()
    };
    let own = match k {
        0 => schema.own,
        1 => schema.each_member,
        _ => Work::default(),
    };
    row.verdict.add(own);
    row.listing.add(own);
    let (mut named, mut named_listing) = (Work::default(), Work::default());
    for &edge in &schema.edges {
        match edge {
            Edge::InPlace(to) | Edge::Alternative(to) => {
                let to = &here[to];
                row.verdict.add(to.verdict);
                row.listing.add(to.listing);
                if matches!(edge, Edge::Alternative(_)) {
                    row.listing.add(to.verdict);
                }
                row.walk.add(to.verdict);
                row.walk.add(to.walk);
                row.stack = row.stack.max(to.stack.saturating_add(1));
            }
            Edge::Named(to) | Edge::Members(to) if k > 0 => {
                let to = &above[to];
                if matches!(edge, Edge::Named(_)) {
                    named.at_least(to.verdict);
                    named_listing.at_least(to.listing);
                } else {
                    row.verdict.add(to.verdict);
                    row.listing.add(to.listing);
                    row.listing.add(to.verdict);
                }
                row.stack = row.stack.max(to.stack.saturating_add(1));
            }
            Edge::Named(_) | Edge::Members(_) => {}
        }
    }
    row.verdict.add(named);
    row.listing.add(named_listing);
    if schema.walks {
        row.verdict.add(row.walk);
        row.listing.add(row.walk);
    }
    row
}

/// Schemas in an order in which those that apply in place come before the ones they apply to.
fn innermost_first(graph: &Graph) -> Result<Vec<usize>, String> {
    let in_place = |schema: usize| {
        graph.schemas[schema].edges.iter().filter_map(|edge| match edge {
            Edge::InPlace(to) | Edge::Alternative(to) => Some(*to),
            Edge::Named(_) | Edge::Members(_) => None,
        })
    };
    let mut users = vec![0usize; graph.schemas.len()];
    for schema in 0..graph.schemas.len() {
        in_place(schema).for_each(|to| users[to] += 1);
    }
    let mut order: Vec<usize> = (0..users.len()).filter(|&schema| users[schema] == 0).collect();
    let mut next = 0;
    while let Some(&schema) = order.get(next) {
        next += 1;
        for to in in_place(schema) {
            users[to] -= 1;
            if users[to] == 0 {
                order.push(to);
            }
        }
    }
    if let Some(endless) = users.iter().position(|&users| users > 0) {
        return Err(format!(
            "the schema at `#{}` refers to itself without descending into the document, so that it would never end",
            graph.schemas[endless].pointer
        ));
    }
    order.reverse();
    Ok(order)
}
