//! Runs the sides in turns, and prints what they came to.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use danube_wasm_benches::{
    Child, Scale, Table, child, median,
    report::{aim, number, percent},
};

use crate::{bare, ours, served};

/// What the client of Danube may lose by a change that makes it smaller.
const AIM_SHARE_OF_OTHER: f64 = 0.85;

/// Messages of one partition on the wire, with what that is.
const CASES: [(usize, &str); 2] = [(64, "64 in flight"), (1, "1 in flight, as on Danube 0.15")];

const OURS: &str = "pipelines";
const OTHER: &str = "pipelines, other build";

struct Side {
    name: &'static str,
    role: &'static str,
    program: PathBuf,
    figures: Vec<Figures>,
}

struct Figures {
    rate: f64,
    client_cpu_us: f64,
    server_cpu_us: f64,
}

/// The whole comparison.
pub(crate) fn run(scale: Scale) -> Result<()> {
    println!("\npipeline: how many messages a second go through a source and a sink on one broker?\n");
    for (in_flight, what) in CASES {
        let messages = match in_flight {
            1 => scale.pick(5_000, 2_000),
            _ => scale.pick(20_000, 4_000),
        };
        let mut sides = sides()?;
        // Many and short: what else the machine does is then the same for those of one round.
        for round in 0..scale.pick(30, 1) {
            // The one that begins changes: what comes first after a pause may find a faster machine.
            let first = round % sides.len();
            for at in 0..sides.len() {
                let at = (first + at) % sides.len();
                let figures = sides[at].round(messages, in_flight)?;
                sides[at].figures.push(figures);
            }
        }
        print(what, messages, &sides);
    }
    Ok(())
}

fn sides() -> Result<Vec<Side>> {
    let own = std::env::current_exe()?;
    let side = |name, role, program| Side {
        name,
        role,
        program,
        figures: Vec::new(),
    };
    let mut sides = vec![side(OURS, ours::ROLE, own.clone())];
    if let Some(other) = std::env::var_os("PIPELINE_OTHER") {
        sides.push(side(OTHER, ours::ROLE, other.into()));
    }
    sides.push(side("bare tonic", bare::ROLE, own));
    Ok(sides)
}

impl Side {
    /// One run, against a broker that knows nothing yet.
    fn round(&self, messages: usize, in_flight: usize) -> Result<Figures> {
        let mut broker = Child::start(served::ROLE, &[])?;
        let address = broker.line()?;
        let idle = broker.cpu()?;
        let arguments = [address, messages.to_string(), in_flight.to_string()];
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let account = Child::start_program(&self.program, self.role, &arguments)?
            .finish()
            .with_context(|| self.name)?;
        let server_cpu = broker.cpu()?.saturating_sub(idle);
        let left = child::field(&broker.finish()?, "left")?;
        ensure!(left == 0.0, "`{}` left {left} messages unacknowledged", self.name);
        ensure!(
            child::field(&account, "messages")? as usize == messages,
            "`{}` did {account}",
            self.name
        );
        let each = |seconds: f64| seconds * 1e6 / messages as f64;
        Ok(Figures {
            rate: messages as f64 / child::field(&account, "seconds")?,
            client_cpu_us: each(child::field(&account, "cpu_seconds")?),
            server_cpu_us: each(server_cpu.as_secs_f64()),
        })
    }

    fn median(&self, of: impl Fn(&Figures) -> f64) -> f64 {
        median(self.figures.iter().map(of).collect())
    }

    /// What this side comes to beside another, round by round, smallest first.
    fn shares_of(&self, other: &Self, of: impl Fn(&Figures) -> f64) -> Vec<f64> {
        let pairs = self.figures.iter().zip(&other.figures);
        let mut shares: Vec<_> = pairs.map(|(one, other)| of(one) / of(other)).collect();
        shares.sort_by(f64::total_cmp);
        shares
    }
}

fn print(what: &str, messages: usize, sides: &[Side]) {
    println!(
        "  {what}, {messages} messages, medians of {} rounds\n",
        sides[0].figures.len()
    );
    let mut table = Table::new([
        "",
        "messages/s",
        "slowest",
        "fastest",
        "of bare tonic",
        "client CPU µs",
        "broker CPU µs",
    ]);
    let bare = &sides[sides.len() - 1];
    for side in sides {
        let rates = side.figures.iter().map(|figures| figures.rate);
        table.row([
            side.name.to_owned(),
            number(side.median(|figures| figures.rate)),
            number(rates.clone().fold(f64::INFINITY, f64::min)),
            number(rates.fold(0.0, f64::max)),
            percent(median(side.shares_of(bare, |figures| figures.rate))),
            number(side.median(|figures| figures.client_cpu_us)),
            number(side.median(|figures| figures.server_cpu_us)),
        ]);
    }
    println!("{table}");
    if let Some(other) = sides.iter().find(|side| side.name == OTHER) {
        compare(what, &sides[0], other);
    }
}

/// One of the figures of a run.
type Measure = fn(&Figures) -> f64;

/// A rate moves with what else the machine does; processor time does less.
fn compare(what: &str, own: &Side, other: &Side) {
    let ratios: [(&str, Measure); 3] = [
        ("messages/s", |figures| figures.rate),
        ("client CPU", |figures| figures.client_cpu_us),
        ("CPU of both", |figures| figures.client_cpu_us + figures.server_cpu_us),
    ];
    for (name, of) in ratios {
        let shares = own.shares_of(other, of);
        let (least, most) = (percent(shares[0]), percent(shares[shares.len() - 1]));
        println!(
            "  {name}, of the other build: {} ({least} to {most})",
            percent(median(shares))
        );
    }
    println!();
    let share = median(own.shares_of(other, |figures| figures.rate));
    let (least, is) = (percent(AIM_SHARE_OF_OTHER), percent(share));
    aim(
        &format!("{what}: at least {least} of the other build: {is}"),
        share >= AIM_SHARE_OF_OTHER,
    );
}
