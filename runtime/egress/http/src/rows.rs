//! From the writes of a call to requests: which are sent together, and which one after the other.

use danube_wasm_egress_common::Item as _;
use danube_wasm_model::door::Write;

use crate::{deliver::Step, endpoint::Endpoint, item::Item, lanes::lanes, receipts::Ticket};

/// Rows of steps of one endpoint. Different rows share no key and no document, and are done at the same time.
pub(crate) fn rows(endpoint: &Endpoint, places: &[usize], writes: &[Write], tickets: &[Ticket]) -> Vec<Vec<Step>> {
    let own = places.iter().map(|place| (*place, &writes[*place]));
    let is_sent = |lane: &Vec<usize>| lane.iter().any(|place| tickets[*place].is_new);
    let lanes = lanes(own).into_iter().filter(is_sent);
    let records_max = if endpoint.config.is_single() {
        1
    } else {
        endpoint.config.records_max
    };
    let mut rows = Vec::new();
    let mut open = Row::new(endpoint, records_max);
    for lane in lanes {
        let bytes = lane.iter().map(|place| writes[*place].body.len()).sum();
        if !open.has_room(lane.len(), bytes) {
            rows.push(std::mem::replace(&mut open, Row::new(endpoint, records_max)).finish());
        }
        for place in lane {
            let ticket = &tickets[place];
            match ticket.is_new {
                true => open.send(Item::new(place, &writes[place], ticket.receipt.clone())),
                false => open.wait(ticket),
            }
        }
    }
    rows.push(open.finish());
    rows.retain(|row| !row.is_empty());
    rows
}

/// A row that is being filled.
struct Row<'e> {
    endpoint: &'e Endpoint,
    records_max: usize,
    bytes_max: usize,
    steps: Vec<Step>,
    records: usize,
    bytes: usize,
    /// The next request.
    request: Vec<Item>,
    request_bytes: usize,
}

impl<'e> Row<'e> {
    fn new(endpoint: &'e Endpoint, records_max: usize) -> Self {
        Self {
            endpoint,
            records_max,
            bytes_max: endpoint.bytes_max(),
            steps: Vec::new(),
            records: 0,
            bytes: 0,
            request: Vec::new(),
            request_bytes: 0,
        }
    }

    /// Whether one request has room for these as well; an empty row has.
    fn has_room(&self, records: usize, bytes: usize) -> bool {
        self.records == 0 || self.records + records <= self.records_max && self.bytes + bytes <= self.bytes_max
    }

    fn send(&mut self, item: Item) {
        let bytes = item.write().body.len();
        let method = |item: &Item| self.endpoint.config.method_of(item.write().operation);
        let is_full = self.request.len() >= self.records_max || self.request_bytes + bytes > self.bytes_max;
        let is_other = self.request.first().is_some_and(|first| method(first) != method(&item));
        if is_full || is_other {
            self.cut();
        }
        self.records += 1;
        self.bytes += bytes;
        self.request_bytes += bytes;
        self.request.push(item);
    }

    fn wait(&mut self, ticket: &Ticket) {
        self.cut();
        self.records += 1;
        self.steps.push(Step::Await(ticket.receipt.clone()));
    }

    fn cut(&mut self) {
        if !self.request.is_empty() {
            self.steps.push(Step::Send(std::mem::take(&mut self.request)));
        }
        self.request_bytes = 0;
    }

    fn finish(mut self) -> Vec<Step> {
        self.cut();
        self.steps
    }
}
