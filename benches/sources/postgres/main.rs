//! Question: how many changes of a PostgreSQL table are a second in the durable log, against a loop that only parses them?
//!
//! Rows of four columns are inserted, ten to a transaction, and wait in logical slots that were made before, one for each
//! side and round. Each side then reads its slot to the end, over loopback:
//!
//! * `bare`: the client of `pgwire-replication` and the parser of `pg_walstream`; each insert is parsed, and confirmed with
//!   its transaction.
//! * `danube-wasm`: the binary; a transaction is confirmed when all its records are on the disk.
//! * `pg_recvlogical`: PostgreSQL's own client, which writes the messages as they come into a file.
//!
//! The server's work, decoding its log, is the same for all, and on the same processors. At the end of each round the log
//! must have one record for each row, and the file one message.

mod bare;
mod recvlogical;
#[allow(dead_code, reason = "shared with the source's own tests, which use the rest of it")]
#[path = "../../../runtime/ingress/postgres/tests/postgres/support/server.rs"]
mod server;

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};
use danube_wasm_bench_sources::Pipeline;
use danube_wasm_benches::{
    Child, Comparison, Round, Scale, Side,
    comparison::{OURS, rounds},
};
use server::{DATABASE, Postgres};

const TOPIC: &str = "/shop/orders";
const PUBLICATION: &str = "danube";
const BARE: &str = "bare";
const RECVLOGICAL: &str = "pg_recvlogical";
/// In each row, and nowhere else.
const MARK: &str = "an order of the bench";
const ROWS_OF_A_TRANSACTION: u64 = 10;
/// Everybody on this machine may sign in.
const RULES: &str = "local all all trust\nhost all all 127.0.0.1/32 trust\n";

fn main() -> Result<()> {
    match Child::role().as_deref() {
        Some(bare::ROLE) => bare::run(),
        Some(role) => bail!("`{role}` is not a role"),
        None => compare(Scale::from_arguments()),
    }
}

fn compare(scale: Scale) -> Result<()> {
    let rows: u64 = scale.pick(1_000_000, 10_000);
    let postgres = start()?;
    let end = backlog(&postgres, scale, rows);
    let port = postgres.port;
    let sides = vec![
        Side::new(BARE, BARE, |round| bare(port, &slot(BARE, round), rows)),
        Side::new(OURS, BARE, |round| pipeline(port, &slot(OURS, round))?.drain(rows)),
        Side::new(RECVLOGICAL, BARE, |round| {
            recvlogical::round(&postgres, &slot(RECVLOGICAL, round), &end, rows)
        }),
    ];
    let comparison = Comparison {
        question: "postgres: how many changes of a table are a second in the durable log, against a loop that only parses them?",
        work: format!("{rows} inserts, {ROWS_OF_A_TRANSACTION} to a transaction, that wait in a logical slot, medians"),
        unit: "change",
        aim: 0.8,
        warm_up: false,
    };
    comparison.run(scale, sides)
}

fn start() -> Result<Postgres> {
    let runtime = tokio::runtime::Runtime::new()?;
    let rules = |directory: &Path| fs::write(directory.join("data/pg_hba.conf"), RULES).expect("its rules");
    let postgres = runtime.block_on(Postgres::start_with("max_replication_slots = 20", rules));
    postgres.context("there is no PostgreSQL: run `make servers`")
}

/// The name of a slot that nobody else reads.
fn slot(side: &str, round: usize) -> String {
    format!("{}_{round}", side.replace('-', "_"))
}

/// Makes the slots and then the rows that wait in them. Where the server's log then ends.
fn backlog(postgres: &Postgres, scale: Scale, rows: u64) -> String {
    postgres.sql(&format!(
        "CREATE TABLE orders (id bigint PRIMARY KEY, customer text NOT NULL, cents int NOT NULL, note text NOT NULL);\n\
         GRANT SELECT ON orders TO danube;\n\
         CREATE PUBLICATION {PUBLICATION} FOR TABLE orders WITH (publish_via_partition_root = true);"
    ));
    for side in [BARE, OURS, RECVLOGICAL] {
        for round in 0..rounds(scale) {
            let slot = slot(side, round);
            postgres.sql(&format!(
                "SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')"
            ));
        }
    }
    let (transactions, of) = (rows / ROWS_OF_A_TRANSACTION, ROWS_OF_A_TRANSACTION);
    postgres.sql(&format!(
        "DO $$ BEGIN FOR t IN 1..{transactions} LOOP\n\
           INSERT INTO orders SELECT t * {of} + n, 'customer-' || (t * 7 + n) % 1000, 100 + t % 900, '{MARK}'\n\
             FROM generate_series(1, {of}) AS n;\n\
           COMMIT;\n\
         END LOOP; END $$;\n\
         SELECT pg_current_wal_insert_lsn();"
    ))
}

fn bare(port: u16, slot: &str, rows: u64) -> Result<Round> {
    let child = Child::start(bare::ROLE, &[&port.to_string(), slot, &rows.to_string()])?;
    Round::of_account(&child.finish()?)
}

/// Our side, which goes on where the slot stands.
fn pipeline(port: u16, slot: &str) -> Result<Pipeline> {
    let table = format!(
        "[sources.postgres]\nurl = \"postgres://127.0.0.1:{port}/{DATABASE}\"\nuser = \"danube\"\nslot = \"{slot}\"\n\
         publication = \"{PUBLICATION}\"\nsnapshot = \"never\"\n[[sources.postgres.tables]]\ntable = \"public.orders\"\n\
         danube_topic = \"{TOPIC}\"\n"
    );
    Pipeline::new(Path::new(env!("CARGO_TARGET_TMPDIR")), TOPIC, &table)
}
