//! PostgreSQL, with `psql` as its client.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::runtime::Runtime;

use super::{NAME, Upstream, client::Client};
use crate::oracle::{Id, payload};

#[allow(dead_code, reason = "shared with the source's own tests, which use the rest of it")]
#[path = "../../../../ingress/postgres/tests/postgres/support/server.rs"]
mod server;

/// A server at work, with a table of payments.
pub struct Postgres {
    server: server::Postgres,
    runtime: Runtime,
}

const TABLE: &str = "CREATE TABLE payments (amount bigint PRIMARY KEY, event text, currency text, \"timestamp\" bigint, customer_id text, metadata jsonb);
GRANT SELECT ON payments TO danube;
CREATE PUBLICATION danube FOR TABLE payments;";

impl Postgres {
    /// # Errors
    /// It is not installed.
    pub fn start() -> Result<Self, &'static str> {
        let runtime = Runtime::new().expect("a runtime");
        let lines = format!("wal_sender_timeout = {}s", Self::SILENCE_SECS);
        let server = runtime.block_on(server::Postgres::start(&lines));
        let server = server.ok_or("PostgreSQL is not installed: run `make servers`")?;
        server.sql(TABLE);
        Ok(Self { server, runtime })
    }
}

impl Upstream for Postgres {
    const SILENCE_SECS: u64 = 3;
    /// The key is the primary key, so each event has its own.
    const KEEPS_ORDER: bool = false;
    /// What was committed before it reads is in the snapshot.
    const READS: &'static str = "running";

    fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.server.port).into()
    }

    fn source(&self, address: SocketAddr, topic: &str) -> String {
        format!(
            "[[sources]]\nname = \"postgres\"\ncomponent = \"builtin:record-source\"\n[sources.postgres]\n\
             url = \"postgres://{address}/{}\"\nuser = \"danube\"\npassword = \"secret\"\nslot = \"danube\"\n\
             [[sources.postgres.tables]]\ntable = \"public.{NAME}\"\ndanube_topic = \"{topic}\"\npartitions = 4\n",
            server::DATABASE
        )
    }

    fn client(&self) -> Client {
        let mut psql = self.server.program("psql");
        psql.args(["-XqAt", "-v", "ON_ERROR_STOP=1"]);
        Client::new(psql, insert)
    }

    fn restart(&mut self) -> bool {
        self.runtime.block_on(self.server.kill_and_restart());
        true
    }
}

/// Prints the id of a row that is committed, now or by a client whose connection went before its answer came.
fn insert(id: Id) -> String {
    format!(
        "INSERT INTO {NAME} SELECT * FROM json_populate_record(NULL::{NAME}, '{}') ON CONFLICT DO NOTHING; SELECT {id};",
        payload(id)
    )
}
