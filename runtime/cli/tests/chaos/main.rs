//! Break it, stop breaking it, and demand everything back: processes of the real binary, killed, frozen, cut off, at
//! moments that a seed draws.
//!
//! `make test` runs a bounded part, `make chaos` minutes, `make chaos-long` hours of it. Arguments pick classes by a part of
//! their name; `CHAOS_SEED` sets the run's seed, `CHAOS_TRIAL` repeats one trial's, `CHAOS_LEDGER` names a file to which the
//! figures are added. Nothing is tried again: a flake is a bug, here or in the product.

mod checker;
mod classes;
mod counters;
mod dead_letters;
mod dice;
#[allow(dead_code, reason = "the end-to-end tests use the rest of it")]
#[path = "../e2e/harness.rs"]
mod harness;
mod load;
mod oracle;
mod proxy;
mod server;
mod site;
mod tap;
mod targets;
mod upstream;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    time::Instant,
};

use danube_wasm_trials::{Row, panicked};

use crate::{
    checker::{Checked, Verdict},
    classes::{Class, Trial},
    dice::Dice,
};

fn main() -> ExitCode {
    // What cargo's own test runner takes is none of this one's business.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    oracle::canary();
    tap::canary();
    dead_letters::canary();
    counters::canary();
    let run = number("CHAOS_SEED").unwrap_or_else(rand::random);
    let picked = classes::ALL
        .iter()
        .filter(|class| wanted.is_empty() || wanted.iter().any(|part| class.name.contains(part.as_str())));
    let rows: Vec<Row> = picked.map(|class| try_class(class, run)).collect();
    danube_wasm_trials::report(&rows, run);
    let failed = rows.iter().filter(|row| !row.failures.is_empty()).count();
    let skipped = rows.iter().filter(|row| row.skipped.is_some()).count();
    println!(
        "{} passed, {failed} failed, {skipped} skipped",
        rows.len() - failed - skipped
    );
    ExitCode::from(u8::from(failed > 0))
}

/// Faults tried for each that is to count.
const ATTEMPTS: u32 = 3;

/// All trials of a class, on as many sites as they wear out.
fn try_class(class: &Class, run: u64) -> Row {
    let mut row = Row::new(class.name);
    let begun = Instant::now();
    let mut site = None;
    let repeated = number("CHAOS_TRIAL");
    let wanted = repeated.map_or(class.trials[scale()], |_| 1);
    // A fault without effect proves nothing: others take its place, within reason.
    for trial in 0..wanted * ATTEMPTS {
        if row.trials == u64::from(wanted) {
            break;
        }
        let seed = repeated.unwrap_or_else(|| Dice::seed_of(run, class.name, trial));
        match try_once(class, &mut site, seed, &mut row) {
            Ok(Verdict::Passed) => row.trials += 1,
            Ok(Verdict::Discarded(why)) => {
                println!("{}: no effect: {why}", class.name);
                row.no_effect += 1;
            }
            Err(why) => {
                println!("{} FAILED ({seed:#x}): {why}", class.name);
                row.trials += 1;
                let repeat = format!("CHAOS_TRIAL={seed:#x} with the class's name as argument");
                row.failures.push((repeat, why));
                site = None;
            }
        }
        if row.skipped.is_some() {
            break;
        }
    }
    row.secs = begun.elapsed().as_secs();
    println!("{}: {} trials, {} failures", row.class, row.trials, row.failures.len());
    row
}

fn try_once(class: &Class, site: &mut Option<Box<dyn Trial>>, seed: u64, row: &mut Row) -> Checked {
    let judged = catch_unwind(AssertUnwindSafe(|| {
        if site.as_ref().is_none_or(|site| site.is_worn()) {
            // The old one's processes go first.
            *site = None;
            match (class.begin)() {
                Ok(begun) => *site = Some(begun),
                Err(why) => {
                    row.skipped = Some(why);
                    return Ok(Verdict::Discarded(why));
                }
            }
        }
        let site = site.as_mut().expect("a site");
        site.run(&mut Dice::new(seed), row)
    }));
    judged.unwrap_or_else(|panic| Err(panicked(&*panic)))
}

/// Which of a class's three counts.
fn scale() -> usize {
    match std::env::var("CHAOS").as_deref() {
        Ok("minutes") => 1,
        Ok("hours") => 2,
        _ => 0,
    }
}

/// Decimal, or hexadecimal behind `0x`.
fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    Some(parsed.unwrap_or_else(|_| panic!("{variable}={text} is not a number")))
}
