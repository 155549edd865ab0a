//! Vectors, checked against what the collection has.

use danube_wasm_model::message::Operation::{Insert, Merge, Upsert};
use serde_json::json;

use crate::support::{
    done, refusal,
    server::{Server, collection},
    sink, text, try_write, unfit, write,
};

const SEVERAL: &str = "[[sinks.qdrant.topic_mappings.vectors]]\nname = \"title\"\ndimension = 2\n\
    [[sinks.qdrant.topic_mappings.vectors]]\nname = \"words\"\nkind = \"sparse\"\n\
    [[sinks.qdrant.topic_mappings.vectors]]\nname = \"late\"\nkind = \"multi\"\ndimension = 3\ndistance = \"Dot\"";

#[tokio::test]
async fn vectors_with_names_sparse_ones_and_multi_vectors_are_stored() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let sink = sink(&text(&server.url, &name, "", SEVERAL));
    let all = r#"{"x":1,"vector":{"title":[3,4],"words":{"indices":[1,4294967295],"values":[0.5,2]},"late":[[1,2,3],[4,5,6]]}}"#;
    done(
        &sink,
        &[
            write(&name, Insert, "a", all),
            write(&name, Insert, "b", r#"{"vector":{"title":[1,0]}}"#),
        ],
    )
    .await;
    done(&sink, &[write(&name, Merge, "b", r#"{"vector":{"late":[[1,1,1]]}}"#)]).await;
    let points = server.points(&name).await;
    let a = &points["a"].vector;
    // Under Cosine, vectors are kept with the length 1.
    let title: Vec<f64> = serde_json::from_value(a["title"].clone()).expect("numbers");
    assert!(
        (title[0] - 0.6).abs() < 1e-6 && (title[1] - 0.8).abs() < 1e-6,
        "{title:?}"
    );
    assert_eq!(
        a["words"],
        json!({"indices": [1, 4_294_967_295_u32], "values": [0.5, 2.0]})
    );
    assert_eq!(a["late"], json!([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]));
    assert_eq!(points["b"].vector["late"], json!([[1.0, 1.0, 1.0]]));
    assert!(points["b"].vector["title"].is_array(), "it is still there");
}

#[tokio::test]
async fn what_does_not_fit_is_refused_by_its_pointer_and_its_neighbours_are_stored() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let sink = sink(&text(&server.url, &name, "", SEVERAL));
    for (vector, expected) in [
        (
            r#"{"title":[1,2,3]}"#,
            "`/vector/title` has 3 numbers, and the collection's vectors have 2",
        ),
        (
            r#"{"title":[1,1e40]}"#,
            "`/vector/title/1` is 1e40, which is no number of 32 bits",
        ),
        (r#"{"title":[1,"2"]}"#, "`/vector/title/1` is \"2\""),
        (r#"{"title":[1,null]}"#, "`/vector/title/1` is null"),
        (r#"{"title":[0,-0.0]}"#, "`/vector/title` has only zeros"),
        (r#"{"title":{"a":1}}"#, "`/vector/title` is an object of 1 fields"),
        (r#"{"titel":[1,2]}"#, "`/vector/titel`: collection"),
        ("[1,2]", "is a vector without a name, and collection"),
        ("{}", "`/vector` has no vector"),
        (r#"{"words":[1,2]}"#, "a sparse vector has `indices` and `values`"),
        (
            r#"{"words":{"indices":[2,1],"values":[1,1]}}"#,
            "`/vector/words/indices/1` is 1, which is not above",
        ),
        (r#"{"words":{"indices":[1,1],"values":[1,1]}}"#, "not above"),
        (
            r#"{"words":{"indices":[1],"values":[1,1]}}"#,
            "has 1 indices and 2 values",
        ),
        (
            r#"{"words":{"indices":[-1],"values":[1]}}"#,
            "`/vector/words/indices/0` is -1",
        ),
        (
            r#"{"words":{"indices":[1.5],"values":[1]}}"#,
            "`/vector/words/indices/0` is 1.5",
        ),
        (r#"{"words":{"indices":[1],"values":[1],"x":1}}"#, "`/vector/words/x`"),
        (
            r#"{"late":[1,2,3]}"#,
            "`/vector/late/0` is 1, and a list of numbers is expected",
        ),
        (r#"{"late":[]}"#, "`/vector/late` is empty"),
        (r#"{"late":[[1,2,3],[1,2]]}"#, "`/vector/late/1` has 2 numbers"),
        (
            r#"{"title":{"text":"hello","model":"m"}}"#,
            "only with `inference = \"server\"`",
        ),
    ] {
        let why = refusal(&sink, write(&name, Insert, "bad", &format!("{{\"vector\":{vector}}}"))).await;
        assert!(why.contains(expected), "{vector}: {why}");
    }
    for body in ["{}", r#"{"vector":null}"#] {
        let why = refusal(&sink, write(&name, Upsert, "bad", body)).await;
        assert!(why.contains("there is no vector at `/vector`"), "{why}");
    }
    assert!(server.points(&name).await.is_empty());
}

#[tokio::test]
async fn a_named_vector_for_a_collection_with_one_without_a_name_is_refused() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let sink = sink(&text(&server.url, &name, "", "vector_dimension = 2"));
    let why = refusal(&sink, write(&name, Insert, "a", r#"{"vector":{"text":[1,2]}}"#)).await;
    assert!(why.contains("has one vector, without a name"), "{why}");
    done(&sink, &[write(&name, Insert, "a", r#"{"vector":[1,2]}"#)]).await;
}

#[tokio::test]
async fn a_vector_is_where_the_file_says() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let keys = "vector_dimension = 2\ndistance = \"Dot\"\nvector_pointer = \"/meta/a~1b\"\npayload_pointer = \"/doc\"";
    let sink = sink(&text(&server.url, &name, "", keys));
    done(
        &sink,
        &[write(
            &name,
            Insert,
            "a",
            r#"{"meta":{"a/b":[1,2]},"doc":{"x":[1]},"other":1,"_danube_metadata":{"t":1}}"#,
        )],
    )
    .await;
    let a = server.points(&name).await["a"].clone();
    assert_eq!(
        (a.own(), a.vector),
        (json!({"x": [1], "_danube_metadata": {"t": 1}}), json!([1.0, 2.0]))
    );
    let why = refusal(&sink, write(&name, Insert, "b", r#"{"meta":{"a/b":[1,2]},"doc":[1]}"#)).await;
    assert!(why.contains("`/doc` is no object"), "{why}");
}

#[tokio::test]
async fn a_collection_that_is_not_what_the_file_says_is_not_written_to() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let write = [write(&name, Insert, "a", r#"{"vector":{"title":[1,2]}}"#)];
    done(&sink(&text(&server.url, &name, "", SEVERAL)), &write).await;
    for (keys, expected) in [
        ("vector_dimension = 2", "gives collection"),
        (
            "vectors = [{ name = \"title\", dimension = 3 }]",
            "has dimension 2, and the file says 3",
        ),
        (
            "vectors = [{ name = \"title\", dimension = 2, distance = \"Dot\" }]",
            "has distance Cosine, and the file says Dot",
        ),
        (
            "vectors = [{ name = \"title\", dimension = 2, kind = \"multi\" }]",
            "has kind \"dense\"",
        ),
        (
            "vectors = [{ name = \"body\", kind = \"sparse\" }]",
            "the vector `body`",
        ),
    ] {
        let message = unfit(try_write(&sink(&text(&server.url, &name, "", keys)), &write).await);
        assert!(
            message.contains(expected) && message.contains("its records wait"),
            "{keys}: {message}"
        );
    }
    // It may have more than the file names.
    done(
        &sink(&text(
            &server.url,
            &name,
            "",
            "vectors = [{ name = \"title\", dimension = 2 }]",
        )),
        &write,
    )
    .await;
}
