//! What a regular expression can cost for each byte of a text.
//!
//! The engine turns an expression into a deterministic automaton while it runs, and keeps that in a cache of bounded size:
//! one step for a byte. Where the automaton does not fit, a text can be made that misses the cache at every byte, and the
//! engine falls back on following all states of the nondeterministic one. So the automaton is built here, once, within
//! a quarter of the cache: if that succeeds, the cache will do; if not, every state counts.

use regex_automata::{
    dfa::{StartKind, dense},
    nfa::thompson::{self, NFA},
    util::syntax,
};

use crate::limits::{PATTERN_BYTES_MAX, PATTERN_CACHE_BYTES_MAX};

/// For an automaton that fits the cache: a step, and the share of building it.
const STATES_WHEN_DETERMINISTIC: u64 = 4;
/// For one that does not: following a state is slower than a step elsewhere (measured: 10 times, unoptimised).
const STATE_WHEN_NOT: u64 = 4;

/// States that a byte can be run through. The error says what is wrong with the pattern.
pub(super) fn states(source: &str) -> Result<u64, String> {
    let shown: String = source.chars().take(100).collect();
    // Schemas write expressions in JavaScript's dialect; the validator translates them the same way.
    let Ok(translated) = jsonschema_regex::to_rust_regex(source) else {
        return Err(unsupported(&shown));
    };
    let nfa = thompson::Compiler::new()
        .syntax(syntax::Config::new().nest_limit(64))
        .configure(thompson::Config::new().nfa_size_limit(Some(PATTERN_BYTES_MAX)))
        .build(&translated);
    match nfa {
        Ok(nfa) if is_small_when_deterministic(&nfa) => Ok(STATES_WHEN_DETERMINISTIC),
        Ok(nfa) => Ok(STATE_WHEN_NOT * nfa.states().len() as u64),
        Err(error) if error.size_limit().is_some() => Err(format!(
            "is over {} KiB when it is compiled; repeat less: {shown}",
            PATTERN_BYTES_MAX >> 10
        )),
        Err(_) => Err(unsupported(&shown)),
    }
}

fn is_small_when_deterministic(nfa: &NFA) -> bool {
    let bytes_max = Some(PATTERN_CACHE_BYTES_MAX / 4);
    let config = dense::Config::new()
        .start_kind(StartKind::Unanchored)
        .dfa_size_limit(bytes_max)
        .determinize_size_limit(bytes_max);
    dense::Builder::new().configure(config).build_from_nfa(nfa).is_ok()
}

fn unsupported(shown: &str) -> String {
    format!(
        "is not a regular expression that runs in linear time; look-around (`(?=`, `(?!`, `(?<`) and back-references are \
         not supported: {shown}"
    )
}
