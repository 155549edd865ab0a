//! A scripted DNS.

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::IpAddr,
    sync::Arc,
};

use async_trait::async_trait;
use danube_wasm_egress_dial::Resolver;
use parking_lot::Mutex;

use super::ip;

/// Returns the answers of its script in order, each once, and then does not know the name: so a test with one answer
/// fails if the name is resolved twice.
#[derive(Clone, Default)]
pub struct ScriptedResolver {
    answers: Arc<Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl ScriptedResolver {
    pub fn answering(self, name: &str, addresses: &[&str]) -> Self {
        let answer = addresses.iter().map(|text| ip(text)).collect();
        self.answers
            .lock()
            .entry(name.to_owned())
            .or_default()
            .push_back(answer);
        self
    }

    /// The names that were resolved.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().clone()
    }
}

#[async_trait]
impl Resolver for ScriptedResolver {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().push(name.to_owned());
        let mut answers = self.answers.lock();
        let next = answers.get_mut(name).and_then(VecDeque::pop_front);
        next.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such name in the script"))
    }
}

/// DNS that never answers.
pub struct SilentResolver;

#[async_trait]
impl Resolver for SilentResolver {
    async fn lookup(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
        std::future::pending().await
    }
}
