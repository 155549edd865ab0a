//! Debezium, whose envelope ours is compared with.

use std::{
    fs::{self, File},
    path::PathBuf,
};

use danube_wasm_testkit::{
    servers::{self, Server},
    until,
};
use serde_json::Value;
use tempfile::TempDir;

/// Debezium's engine beside a server, with a slot of its own.
pub(crate) struct Debezium {
    dir: TempDir,
    _server: Server,
}

/// Its slot.
pub(crate) const SLOT: &str = "debezium";

impl Debezium {
    /// Starts it, without a snapshot. None if it is not installed.
    pub(crate) fn start(port: u16, tables: &str) -> Option<Self> {
        let class_path = servers::class_path("postgres")?;
        let mut java = servers::program("java")?;
        let dir = tempfile::tempdir().expect("a directory");
        let offsets = dir.path().join("offsets");
        let properties = format!(
            "name=shop\nconnector.class=io.debezium.connector.postgresql.PostgresConnector\n\
             offset.storage=org.apache.kafka.connect.storage.FileOffsetBackingStore\noffset.storage.file.filename={}\n\
             database.hostname=127.0.0.1\ndatabase.port={port}\ndatabase.user=danube\ndatabase.password=secret\ndatabase.dbname=shop\n\
             database.sslmode=disable\ntopic.prefix=shop\nplugin.name=pgoutput\nslot.name={SLOT}\npublication.name=danube\n\
             publication.autocreate.mode=disabled\nsnapshot.mode=no_data\ntable.include.list={tables}\n\
             converter.schemas.enable=false\ntombstones.on.delete=false\ndecimal.handling.mode=string\n\
             time.precision.mode=isostring\nbinary.handling.mode=base64\ninterval.handling.mode=string\nskipped.operations=none\n\
             include.unknown.datatypes=true\n",
            offsets.display()
        );
        let file = dir.path().join("debezium.properties");
        fs::write(&file, properties).expect("its properties");
        let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/postgres/support/Debezium.java");
        java.args(["-Xmx256m", "-cp"]).arg(class_path).arg(source).arg(file);
        let to = |name: &str| File::create(dir.path().join(name)).expect("a file");
        java.stdout(to("events")).stderr(to("log"));
        let server = Server::start(&mut java);
        Some(Self { dir, _server: server })
    }

    /// Waits for so many events.
    pub(crate) async fn events(&self, count: usize) -> Vec<Value> {
        let read = || {
            let text = fs::read_to_string(self.dir.path().join("events")).expect("what it printed");
            let whole = text.rfind('\n').map_or("", |end| &text[..end]);
            let events: Vec<Value> = whole
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok())
                .collect();
            (events.len() >= count).then_some(events)
        };
        until("Debezium has told of everything", read).await
    }
}
