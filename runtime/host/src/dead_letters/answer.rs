//! Executes requests by scanning the open dead letters of all topics.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use danube_wasm_model::TopicName;
use serde_json::{Value, json};

use super::{
    DeadLetters, Recipient, Request, Selection,
    dead_letter::DeadLetter,
    reading::{Scan, topics},
    recorded_call::RecordedCall,
    redelivery::{Redelivery, RedeliveryResult},
};
use crate::Failure;

/// Most dead letters in one list. Recipient process more, use `--all` or a connector.
const LIST_MAX: usize = 1000;
/// Most dead letters replayed or discarded by one request, so that its result stays readable.
const RESULTS_MAX: usize = 10_000;

/// Outcomes as they are printed.
const REPLAYED: &str = "replayed";
const DISCARDED: &str = "discarded";
/// Printed outcome of a dead letter that was not replayed.
pub const KEPT: &str = "kept";
/// Printed outcome of an input that became a dead letter again.
pub const FAILED_AGAIN: &str = "failed again";

pub(super) async fn execute(letters: &DeadLetters, request: &Request) -> Result<Vec<Value>, Failure> {
    match request {
        Request::Ls { connector } => list(letters, connector.as_deref()).await,
        Request::Show { id } => show(letters, id).await,
        Request::Replay {
            which,
            to,
            sinks,
            dry_run,
        } => replay(letters, which, to, sinks, *dry_run).await,
        Request::Discard { which } => {
            let matcher = Matcher::of(letters, which).await?;
            let mut done = Results::default();
            let mut pages = Pages::begin(letters).await?;
            while let Some(found) = pages.next().await?.filter(|_| !done.is_full()) {
                let meant: Vec<_> = found.iter().filter(|letter| matcher.matches(letter)).collect();
                pages.close(meant.iter().copied()).await?;
                for letter in meant {
                    done.record(letter, DISCARDED, Value::Null, Value::Null);
                }
            }
            done.into_values(which)
        }
    }
}

async fn list(letters: &DeadLetters, connector: Option<&str>) -> Result<Vec<Value>, Failure> {
    let mut lines: Vec<Value> = Vec::new();
    let mut at: HashMap<String, usize> = HashMap::new();
    let mut more: u64 = 0;
    let mut pages = Pages::begin(letters).await?;
    while let Some(found) = pages.next().await? {
        for letter in found
            .iter()
            .filter(|letter| connector.is_none_or(|c| letter.belongs_to(c)))
        {
            // One that failed again is the newest with its id.
            match at.get(letter.whole_id()) {
                Some(place) => lines[*place] = letter.summary(),
                None if lines.len() < LIST_MAX => {
                    at.insert(letter.whole_id().to_owned(), lines.len());
                    lines.push(letter.summary());
                }
                None => more += 1,
            }
        }
    }
    Ok(vec![json!({ "letters": lines, "more": more })])
}

async fn show(letters: &DeadLetters, id: &str) -> Result<Vec<Value>, Failure> {
    let matcher = Matcher::of(letters, &Selection::One(id.to_owned())).await?;
    let mut newest = None;
    let mut pages = Pages::begin(letters).await?;
    while let Some(found) = pages.next().await? {
        if let Some(letter) = found.into_iter().rfind(|letter| matcher.matches(letter)) {
            newest = Some(letter);
        }
    }
    let letter = newest.ok_or_else(|| not_found(id))?;
    let case = RecordedCall::of(&letter, letters.broker.registry()).await;
    let mut whole = letter.details();
    whole["call"] = serde_json::to_value(case).map_err(Failure::internal)?;
    Ok(vec![whole])
}

async fn replay(
    letters: &DeadLetters,
    which: &Selection,
    to: &Recipient,
    sinks: &BTreeMap<String, Vec<String>>,
    dry_run: bool,
) -> Result<Vec<Value>, Failure> {
    let matcher = Matcher::of(letters, which).await?;
    let mut done = Results::default();
    let mut pages = Pages::begin(letters).await?;
    while let Some(found) = pages.next().await?.filter(|_| !done.is_full()) {
        for letter in found.into_iter().filter(|letter| matcher.matches(letter)) {
            // Another dead letter of the same input: it gets the outcome of the first.
            if let Some(closed) = done.ids.get(letter.whole_id()) {
                if *closed {
                    pages.close([&letter]).await?;
                }
                continue;
            }
            let task = match Redelivery::of(&letter, to, sinks) {
                Ok(task) => task,
                Err(why) => {
                    done.record(&letter, KEPT, Value::Null, why.into());
                    continue;
                }
            };
            let to = Value::from(task.to());
            if dry_run {
                done.record(&letter, "would be replayed", to, Value::Null);
                continue;
            }
            match task.run(letters).await {
                RedeliveryResult::Done => {
                    pages.close([&letter]).await?;
                    done.record(&letter, REPLAYED, to, Value::Null);
                }
                RedeliveryResult::FailedAgain(why) => {
                    pages.close([&letter]).await?;
                    done.record(&letter, FAILED_AGAIN, to, why.into());
                }
                RedeliveryResult::Kept(why) => done.record(&letter, KEPT, to, why.into()),
            }
        }
    }
    done.into_values(which)
}

/// All open dead letters, topic by topic, in pages.
struct Pages<'a> {
    letters: &'a DeadLetters,
    topics: Vec<TopicName>,
    pass: Option<Scan>,
}

impl<'a> Pages<'a> {
    async fn begin(letters: &'a DeadLetters) -> Result<Self, Failure> {
        let topics = topics(&letters.log).await.map_err(Failure::internal)?;
        let open = topics.into_iter().filter(|(_, open)| *open > 0);
        // Topics are taken from the end.
        let topics = open.rev().map(|(topic, _)| topic).collect();
        Ok(Self {
            letters,
            topics,
            pass: None,
        })
    }

    async fn next(&mut self) -> Result<Option<Vec<DeadLetter>>, Failure> {
        loop {
            if let Some(pass) = &mut self.pass {
                let found = pass.next().await.map_err(Failure::internal)?;
                if !found.is_empty() {
                    return Ok(Some(found.into_iter().map(DeadLetter::new).collect()));
                }
            }
            let Some(topic) = self.topics.pop() else {
                return Ok(None);
            };
            let pass = Scan::begin(&self.letters.log, &topic);
            self.pass = Some(pass.map_err(Failure::internal)?);
        }
    }

    /// Closes dead letters of the last page. They are durably closed when this returns.
    async fn close(&self, letters: impl IntoIterator<Item = &DeadLetter>) -> Result<(), Failure> {
        let Some(pass) = &self.pass else { return Ok(()) };
        let places: Vec<_> = letters.into_iter().map(DeadLetter::place).collect();
        pass.close(&places).await.map_err(Failure::internal)
    }
}

/// The dead letters that a request selects.
enum Matcher {
    /// By the whole id.
    One(String),
    All(Option<String>),
}

impl Matcher {
    async fn of(letters: &DeadLetters, which: &Selection) -> Result<Self, Failure> {
        let id = match which {
            Selection::All { connector } => return Ok(Self::All(connector.clone())),
            Selection::One(id) => id,
        };
        let mut meant = BTreeSet::new();
        let mut pages = Pages::begin(letters).await?;
        while let Some(found) = pages.next().await? {
            let matching = found.iter().filter(|letter| letter.has_id(id));
            meant.extend(matching.map(|letter| letter.whole_id().to_owned()));
        }
        // One whole id may be contained in another.
        if meant.contains(id) {
            return Ok(Self::One(id.clone()));
        }
        match meant.len() {
            0 => Err(not_found(id)),
            1 => Ok(Self::One(meant.into_iter().collect())),
            _ => Err(Failure::usage(format!(
                "`{id}` is several letters: name one of {}",
                meant.into_iter().collect::<Vec<_>>().join(", ")
            ))),
        }
    }

    fn matches(&self, letter: &DeadLetter) -> bool {
        match self {
            Self::One(id) => letter.whole_id() == id,
            Self::All(connector) => connector.as_deref().is_none_or(|c| letter.belongs_to(c)),
        }
    }
}

fn not_found(id: &str) -> Failure {
    Failure::usage(format!(
        "there is no dead letter `{id}`: `dlq ls` lists those that are open"
    ))
}

/// The outcome of each dead letter of a request.
#[derive(Default)]
struct Results {
    lines: Vec<Value>,
    /// By whole id, whether it was closed.
    ids: HashMap<String, bool>,
}

impl Results {
    fn record(&mut self, letter: &DeadLetter, outcome: &str, to: Value, remark: Value) {
        let closed = matches!(outcome, REPLAYED | FAILED_AGAIN | DISCARDED);
        if self.ids.insert(letter.whole_id().to_owned(), closed).is_none() {
            self.lines.push(json!({
                "id": letter.id(),
                "connector": letter.connector(),
                "outcome": outcome,
                "to": to,
                "remark": remark,
            }));
        }
    }

    fn is_full(&self) -> bool {
        self.lines.len() >= RESULTS_MAX
    }

    fn into_values(self, which: &Selection) -> Result<Vec<Value>, Failure> {
        match which {
            // Another request has closed it meanwhile.
            Selection::One(id) if self.lines.is_empty() => Err(not_found(id)),
            _ => Ok(self.lines),
        }
    }
}
