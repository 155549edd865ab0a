//! The sink `qdrant`: the real binary beside Qdrant's engine.

use std::path::Path;

use serde_json::json;

use crate::{
    examples::{self, script},
    harness::Pipeline,
};

#[allow(dead_code, reason = "shared with the sink's own tests, which use the rest of it")]
#[path = "../../../egress/qdrant/tests/qdrant/support/server.rs"]
mod server;

use server::Server;

fn run(example: &Path, server: &Server) -> Pipeline {
    let pipeline = Pipeline::spawn_with(&example.join("pipeline.toml"), &[("QDRANT_URL", &server.url)]);
    pipeline.until("it runs", |p| p.log("running").is_some());
    pipeline
}

fn send(example: &Path, pipeline: &Pipeline, first: usize) {
    let url = format!("http://{}/articles", pipeline.address());
    let first = first.to_string();
    let said = script(example, "send-articles.sh", &[("URL", &url), ("FIRST", &first)]);
    assert!(said.contains("200: 40"), "{said}");
}

/// The example as it is written, through kills of both sides: each article is one point, its newest version.
#[tokio::test(flavor = "multi_thread")]
async fn the_example_makes_a_point_of_each_article_through_kills() {
    let Some(mut server) = Server::engine(&[]) else { return };
    let dir = examples::copy("article-search");
    let example = dir.path().join("article-search");
    let mut pipeline = run(&example, &server);
    send(&example, &pipeline, 1);
    pipeline.kill();
    pipeline = run(&example, &server);
    server.kill();
    // Answered 200, because they are on disk.
    send(&example, &pipeline, 21);
    server.restart();
    send(&example, &pipeline, 41);
    pipeline.kill();
    pipeline = run(&example, &server);
    let deadline = tokio::time::Instant::now() + crate::harness::DEADLINE;
    let points = loop {
        let points = server.points("articles").await;
        if points.len() == 60 && points.values().all(|point| point.payload["version"] == 2) {
            break points;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "{} points\n{}",
            points.len(),
            pipeline.dump()
        );
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    pipeline.stop();
    let point = &points["a7"];
    assert_eq!(
        (&point.payload["section"], &point.payload["text"]),
        (&json!("s1"), &json!("Article 7"))
    );
    assert_eq!(point.payload["_danube_metadata"]["danube_topic"], "/news/articles");
}
