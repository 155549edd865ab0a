//! Answers requests: passes over the open letters of all topics.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use danube_wasm_model::TopicName;
use serde_json::{Value, json};

use super::{
    DeadLetters, Request, To, Which,
    dead_letter::DeadLetter,
    reading::{Pass, topics},
    recorded_call::RecordedCall,
    replay::{Replayed, Task},
};
use crate::Failure;

/// Most letters in one list. More are there to be dealt with by `--all`, or by connector.
const LISTED_MAX: usize = 1000;
/// Most letters replayed or discarded by one request, so that its answer stays readable.
const DONE_MAX: usize = 10_000;

/// Outcomes, as they are printed.
const REPLAYED: &str = "replayed";
const DISCARDED: &str = "discarded";
/// The outcome of a dead letter that was not replayed, as it is printed.
pub const KEPT: &str = "kept";
/// Processed again, and a dead letter again.
pub const FAILED_AGAIN: &str = "failed again";

pub(super) async fn answer(letters: &DeadLetters, request: &Request) -> Result<Vec<Value>, Failure> {
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
            let wanted = Wanted::of(letters, which).await?;
            let mut done = Done::default();
            let mut pages = Pages::begin(letters).await?;
            while let Some(found) = pages.next().await?.filter(|_| !done.is_full()) {
                let meant: Vec<_> = found.iter().filter(|letter| wanted.has(letter)).collect();
                pages.close(meant.iter().copied()).await?;
                for letter in meant {
                    done.note(letter, DISCARDED, Value::Null, Value::Null);
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
        for letter in found.iter().filter(|letter| connector.is_none_or(|c| letter.is_of(c))) {
            // One that failed again is the newest of its id.
            match at.get(letter.whole_id()) {
                Some(place) => lines[*place] = letter.line(),
                None if lines.len() < LISTED_MAX => {
                    at.insert(letter.whole_id().to_owned(), lines.len());
                    lines.push(letter.line());
                }
                None => more += 1,
            }
        }
    }
    Ok(vec![json!({ "letters": lines, "more": more })])
}

async fn show(letters: &DeadLetters, id: &str) -> Result<Vec<Value>, Failure> {
    let wanted = Wanted::of(letters, &Which::One(id.to_owned())).await?;
    let mut newest = None;
    let mut pages = Pages::begin(letters).await?;
    while let Some(found) = pages.next().await? {
        if let Some(letter) = found.into_iter().rfind(|letter| wanted.has(letter)) {
            newest = Some(letter);
        }
    }
    let letter = newest.ok_or_else(|| unknown(id))?;
    let case = RecordedCall::of(&letter, letters.broker.registry()).await;
    let mut whole = letter.whole();
    whole["call"] = serde_json::to_value(case).map_err(Failure::internal)?;
    Ok(vec![whole])
}

async fn replay(
    letters: &DeadLetters,
    which: &Which,
    to: &To,
    sinks: &BTreeMap<String, Vec<String>>,
    dry_run: bool,
) -> Result<Vec<Value>, Failure> {
    let wanted = Wanted::of(letters, which).await?;
    let mut done = Done::default();
    let mut pages = Pages::begin(letters).await?;
    while let Some(found) = pages.next().await?.filter(|_| !done.is_full()) {
        for letter in found.into_iter().filter(|letter| wanted.has(letter)) {
            // Another one of the same input: closed with the first, and kept with it.
            if let Some(closed) = done.ids.get(letter.whole_id()) {
                if *closed {
                    pages.close([&letter]).await?;
                }
                continue;
            }
            let task = match Task::of(&letter, to, sinks) {
                Ok(task) => task,
                Err(why) => {
                    done.note(&letter, KEPT, Value::Null, why.into());
                    continue;
                }
            };
            let to = Value::from(task.to());
            if dry_run {
                done.note(&letter, "would be replayed", to, Value::Null);
                continue;
            }
            match task.perform(letters).await {
                Replayed::Done => {
                    pages.close([&letter]).await?;
                    done.note(&letter, REPLAYED, to, Value::Null);
                }
                Replayed::FailedAgain(why) => {
                    pages.close([&letter]).await?;
                    done.note(&letter, FAILED_AGAIN, to, why.into());
                }
                Replayed::Kept(why) => done.note(&letter, KEPT, to, why.into()),
            }
        }
    }
    done.into_values(which)
}

/// All that is open, topic by topic, a page at a time.
struct Pages<'a> {
    letters: &'a DeadLetters,
    topics: Vec<TopicName>,
    pass: Option<Pass>,
}

impl<'a> Pages<'a> {
    async fn begin(letters: &'a DeadLetters) -> Result<Self, Failure> {
        let topics = topics(&letters.log).await.map_err(Failure::internal)?;
        let open = topics.into_iter().filter(|(_, open)| *open > 0);
        // The last is next.
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
            let pass = Pass::begin(&self.letters.log, &topic);
            self.pass = Some(pass.map_err(Failure::internal)?);
        }
    }

    /// Closes letters of the page that was given last; durable when it returns.
    async fn close(&self, letters: impl IntoIterator<Item = &DeadLetter>) -> Result<(), Failure> {
        let Some(pass) = &self.pass else { return Ok(()) };
        let places: Vec<_> = letters.into_iter().map(DeadLetter::place).collect();
        pass.close(&places).await.map_err(Failure::internal)
    }
}

/// Which letters a request means.
enum Wanted {
    /// By the whole id.
    One(String),
    All(Option<String>),
}

impl Wanted {
    async fn of(letters: &DeadLetters, which: &Which) -> Result<Self, Failure> {
        let id = match which {
            Which::All { connector } => return Ok(Self::All(connector.clone())),
            Which::One(id) => id,
        };
        let mut meant = BTreeSet::new();
        let mut pages = Pages::begin(letters).await?;
        while let Some(found) = pages.next().await? {
            let matching = found.iter().filter(|letter| letter.is(id));
            meant.extend(matching.map(|letter| letter.whole_id().to_owned()));
        }
        // The id of one may be part of what another one is made of.
        if meant.contains(id) {
            return Ok(Self::One(id.clone()));
        }
        match meant.len() {
            0 => Err(unknown(id)),
            1 => Ok(Self::One(meant.into_iter().collect())),
            _ => Err(Failure::usage(format!(
                "`{id}` is several letters: name one of {}",
                meant.into_iter().collect::<Vec<_>>().join(", ")
            ))),
        }
    }

    fn has(&self, letter: &DeadLetter) -> bool {
        match self {
            Self::One(id) => letter.whole_id() == id,
            Self::All(connector) => connector.as_deref().is_none_or(|c| letter.is_of(c)),
        }
    }
}

fn unknown(id: &str) -> Failure {
    Failure::usage(format!(
        "there is no dead letter `{id}`: `dlq ls` lists those that are open"
    ))
}

/// What became of each letter of a request.
#[derive(Default)]
struct Done {
    lines: Vec<Value>,
    /// By the whole id: whether it was closed.
    ids: HashMap<String, bool>,
}

impl Done {
    fn note(&mut self, letter: &DeadLetter, outcome: &str, to: Value, remark: Value) {
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
        self.lines.len() >= DONE_MAX
    }

    fn into_values(self, which: &Which) -> Result<Vec<Value>, Failure> {
        match which {
            // Dealt with by another request meanwhile.
            Which::One(id) if self.lines.is_empty() => Err(unknown(id)),
            _ => Ok(self.lines),
        }
    }
}
