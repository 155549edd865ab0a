//! Tables in folders of this machine.

use danube_wasm_model::door::Egress as _;

use crate::support::{COLUMNS, append, insert, inserts, one, reader, sink, sink_as};

#[tokio::test]
async fn each_message_is_a_row_once_however_often_it_comes() {
    let dir = tempfile::tempdir().expect("a directory");
    let url = dir.path().join("table").display().to_string();
    let text = one(&url, COLUMNS);
    {
        let sink = sink(&text);
        assert_eq!(append(&sink, &inserts(0..10)).await.unchanged, 0);
        assert_eq!(append(&sink, &inserts(5..15)).await.unchanged, 5, "these are there");
        let twice = [insert("x", "{\"n\":15}"), insert("x", "{\"n\":15}")];
        assert_eq!(append(&sink, &twice).await.unchanged, 1);
        sink.close().await.expect("it closes");
    }
    // After a restart, and in another process of this connector.
    for consumer in ["here", "there"] {
        let sink = sink_as(&text, consumer);
        assert_eq!(append(&sink, &inserts(0..15)).await.unchanged, 15, "{consumer}");
    }
    if reader::is_installed() {
        let read = reader::read(&url);
        assert_eq!(read.numbers(), Vec::from_iter(0..16));
        assert_eq!(read.version, 3, "made, and three commits: {read:?}");
    }
}
