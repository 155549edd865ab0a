//! Requests that are not quite HTTP/1.1.
//!
//! What the intake received is compared with what somebody else reads in the same bytes: nothing but valid requests, in
//! their order, each as it was sent, and all those that must be understood.

use std::{collections::BTreeSet, sync::Arc};

use danube_wasm_ingress_http::{ApiKey, Auth, Secret, Secrets};
use parking_lot::Mutex;

use crate::{
    base::{KEY, valid},
    class::{Class, Plan, Shared, expect, in_lanes, shown},
    corpus::corpus,
    dice::Dice,
    host::{Host, good},
    mutate::mutate,
    oracle::{self, Expected, Message},
    wire::{Answer, Wire},
};

/// Listeners that are attacked side by side: what an intake received belongs to one trial.
const LANES: usize = 8;
/// What the corpus alone must have been answered.
const SIGHTS: [u16; 7] = [200, 400, 401, 404, 405, 431, 501];
/// What refusals may be answered.
const REFUSALS: [u16; 11] = [400, 401, 404, 405, 408, 413, 414, 415, 431, 501, 503];

/// Bytes, the seed of how they are cut into writes, and how a failure names them.
struct Trial {
    name: String,
    bytes: Vec<u8>,
    seed: u64,
}

pub(crate) async fn run(plan: Plan) -> Class {
    let trials: Shared<Trial> = Arc::new(trials(plan));
    let seen: Arc<Mutex<BTreeSet<u16>>> = Arc::default();
    let mut class = in_lanes(LANES, |lane| {
        let (trials, seen) = (trials.clone(), seen.clone());
        async move {
            let mut class = Class::default();
            let host = host().await;
            for trial in trials.iter().skip(lane).step_by(LANES) {
                class.record(&trial.name, attack(&host, trial, &seen).await);
            }
            class.check("nothing is left", host.at_rest().await);
            class.check("it stops", host.stop().await);
            class
        }
    })
    .await;
    // Or the attacks do not get as far as they mean to.
    let missing: Vec<u16> = SIGHTS
        .into_iter()
        .filter(|status| !seen.lock().contains(status))
        .collect();
    class.check("answers that are never given", expect("missing", missing, Vec::new()));
    class
}

fn trials(plan: Plan) -> Vec<Trial> {
    let corpus = corpus();
    let bases = valid();
    let material: Vec<Vec<u8>> = corpus.iter().take(120).map(|(_, bytes)| bytes.clone()).collect();
    let mutants = plan.seeds(plan.trials).map(|seed| {
        let mut dice = Dice::new(seed);
        let base = if dice.below(4) == 0 { &material } else { &bases };
        let base = dice.pick(base).clone();
        Trial {
            name: format!("SEED={seed} HTTP_TRIALS=1"),
            bytes: mutate(base, &material, &mut dice),
            seed,
        }
    });
    let named = corpus.iter().zip(1..).map(|((name, bytes), seed)| Trial {
        name: name.clone(),
        bytes: bytes.clone(),
        seed,
    });
    named.chain(mutants).collect()
}

async fn host() -> Host {
    let key = Secrets::try_new(vec![Secret::try_new(KEY).unwrap()]).unwrap();
    let mut host = Host::start(|_| {}, |endpoint| endpoint.auth = Auth::ApiKey(ApiKey::new(&key))).await;
    host.good = good(&format!("x-api-key: {KEY}\r\n"));
    host
}

async fn attack(host: &Host, trial: &Trial, seen: &Mutex<BTreeSet<u16>>) -> Result<(), String> {
    let messages = oracle::read(&trial.bytes);
    let before = host.server.inbox.count();
    let answers = converse(host, trial, &messages).await?;
    seen.lock().extend(answers.iter().map(|answer| answer.status));
    let events = host.server.inbox.since(before);
    let received: Vec<_> = events
        .into_iter()
        .map(|event| (event.payload.to_vec(), event.id))
        .collect();
    let verdict =
        judge_answers(&messages, &answers, received.len()).and_then(|()| judge_events(&messages, &answers, &received));
    let verdict = match verdict {
        Ok(()) => host.good().await,
        wrong => wrong,
    };
    verdict.map_err(|why| format!("{why}; answers {answers:?}; sent {}", shown(&trial.bytes)))
}

/// Sends it, and hears every answer until the connection ends.
async fn converse(host: &Host, trial: &Trial, messages: &[Message]) -> Result<Vec<Answer>, String> {
    let mut wire = host.connect().await;
    send_in_pieces(&mut wire, trial).await;
    let mut answers = Vec::new();
    let mut ended = false;
    loop {
        // Its end cuts off what is under way, so it comes when everything that was asked is answered.
        if answers.len() >= messages.len() && !ended {
            wire.end().await;
            ended = true;
        }
        let to_head = messages
            .get(answers.len())
            .is_some_and(|message| message.method == "HEAD");
        match wire.answer(to_head).await? {
            Some(answer) => answers.push(answer),
            None => return Ok(answers),
        }
    }
}

async fn send_in_pieces(wire: &mut Wire, trial: &Trial) {
    let mut dice = Dice::new(trial.seed);
    let mut rest = &trial.bytes[..];
    for _ in 0..dice.below(3) {
        let (piece, after) = rest.split_at(dice.below(rest.len() + 1));
        wire.send(piece).await;
        tokio::task::yield_now().await;
        rest = after;
    }
    wire.send(rest).await;
}

/// Each is documented and says in JSON what is wrong; 200 stands for an event and nothing else.
fn judge_answers(messages: &[Message], answers: &[Answer], events: usize) -> Result<(), String> {
    let accepted = answers.iter().filter(|answer| answer.status == 200).count();
    if accepted != events {
        return Err(format!("{accepted} times 200 for {events} events"));
    }
    for (n, answer) in answers.iter().enumerate().filter(|(_, answer)| answer.status != 200) {
        if !REFUSALS.contains(&answer.status) {
            return Err(format!("answered {}", answer.status));
        }
        let json = serde_json::from_slice::<serde_json::Value>(&answer.body);
        let says = json.is_ok_and(|json| json["error"].is_string());
        let to_head = messages.get(n).is_some_and(|message| message.method == "HEAD");
        if !says && !to_head {
            return Err(format!("{} without a word", answer.status));
        }
    }
    Ok(())
}

fn judge_events(messages: &[Message], answers: &[Answer], received: &[(Vec<u8>, String)]) -> Result<(), String> {
    let valid: Vec<Expected> = messages
        .iter()
        .filter_map(|message| oracle::accepted(message, KEY))
        .collect();
    let as_read = |((payload, id), expected): (&(Vec<u8>, String), &Expected)| {
        *payload == expected.payload && expected.id.as_ref().is_none_or(|expected| expected == id)
    };
    if received.len() > valid.len() || !received.iter().zip(&valid).all(as_read) {
        return Err(format!("received {received:?}, but valid is {valid:?}"));
    }
    // A refusal may end the connection; until then, what any server must understand is owed.
    let owed = messages
        .iter()
        .map_while(|message| oracle::accepted(message, KEY).filter(|_| message.strict));
    let late = answers.iter().any(|answer| matches!(answer.status, 408 | 503));
    match owed.count() {
        owed if received.len() < owed && !late => Err(format!("received {} of {owed}", received.len())),
        _ => Ok(()),
    }
}
