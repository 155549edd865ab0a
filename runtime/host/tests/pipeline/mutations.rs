//! No text makes the reader panic, and every diagnostic has a place in the text.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{Workspace, repository};

/// xorshift64*: the same sequence in every run.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n.max(1) as u64).unwrap()
    }
}

/// Pieces with a meaning in TOML or in our files.
const PIECES: [&str; 30] = [
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    "\"",
    "'",
    "\n",
    ".",
    ",",
    "#",
    "-1",
    "1e999",
    "0x",
    "true",
    "nan",
    "${",
    "$${A}",
    "${A:-",
    "é",
    "\u{1b}",
    "2026-01-02T03:04:05Z",
    "\"\"\"",
    "embedded://",
    "builtin:",
    "{ file = \"\" }",
    "[[sources]]",
    "auth = { type = \"jwt\" }",
];

fn mutate(text: &str, rng: &mut Rng) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=rng.below(6) {
        let at = rng.below(chars.len());
        let piece = PIECES[rng.below(PIECES.len())].chars();
        match rng.below(5) {
            0 => drop(chars.drain(at..(at + rng.below(20)).min(chars.len()))),
            1 => drop(chars.splice(at..at, piece)),
            2 => drop(chars.splice(at..(at + 1).min(chars.len()), piece)),
            3 => {
                // A line moves to another table, which does not have its key.
                let lines: Vec<String> = chars.iter().collect::<String>().lines().map(str::to_owned).collect();
                let line = lines.get(rng.below(lines.len())).cloned().unwrap_or_default();
                let text = format!("\n{line}\n");
                drop(chars.splice(at..at, text.chars()));
            }
            _ => chars.truncate(chars.len() - rng.below(chars.len() / 4)),
        }
    }
    chars.into_iter().collect()
}

#[test]
fn no_text_makes_it_panic() {
    for (file, cases) in [
        ("examples/stripe-payments/pipeline.toml", 1400),
        ("examples/danube-connect/webhook-connector.toml", 400),
        ("runtime/host/tests/fixtures/v0_2/webhook-connector.toml", 400),
        ("runtime/host/tests/fixtures/v0_3/surrealdb-sink-connector.toml", 400),
    ] {
        check_no_panic(file, cases);
    }
}

fn check_no_panic(file: &str, cases: usize) {
    let workspace = Workspace::new().with_env("A", "1").with_env("WEBHOOK_API_KEY", "key");
    let seed = std::fs::read_to_string(repository().join(file)).unwrap();
    let seed = seed.replace("../seed/", "");
    let mut rng = Rng(0x5eed_5eed_5eed_5eed);
    let (mut accepted, mut refused) = (0, 0);
    for case in 0..cases {
        let text = mutate(&seed, &mut rng);
        let lines = text.matches('\n').count() + 1;
        let result = catch_unwind(AssertUnwindSafe(|| workspace.load(&text)));
        let Ok(result) = result else {
            panic!("case {case} panics:\n{text}")
        };
        match result {
            Ok(_) => accepted += 1,
            Err(found) => {
                refused += 1;
                assert!(found.len() > 0);
                for finding in &found {
                    assert!(
                        (1..=lines).contains(&finding.line) && finding.column > 0,
                        "case {case}: {finding}\n{text}"
                    );
                }
            }
        }
    }
    // Both must occur, or the mutations are too weak or too strong.
    assert!(
        accepted > 5 && refused > cases / 2,
        "{file}: {accepted} accepted, {refused} refused"
    );
}

/// Depth costs stack, and the file may come from an untrusted author.
#[test]
fn depth_is_bounded() {
    let workspace = Workspace::new();
    let keys = vec!["a"; 200_000].join(".");
    let lists = "[".repeat(200_000);
    for text in [
        format!("[{keys}]\n"),
        format!("{keys} = 1\n"),
        format!("{}[sources.config.{keys}]\n", crate::source("")),
        format!("a = {lists}\n"),
        format!("a = {}\n", "{ a = ".repeat(200_000)),
    ] {
        workspace.load(&text).expect_err("too deep");
    }
}
