use super::*;

fn connector(id: &str, direction: &str, state: &str) -> Connector {
    Connector {
        id: id.to_owned(),
        direction: direction.to_owned(),
        state: state.to_owned(),
        received_per_sec: 120.0,
        processed_per_sec: 118.4,
        guest: 0.034,
        lag: Some(7),
        in_flight: 2,
        memory_bytes: Some(1_310_720),
        memory_bytes_max: Some(64 << 20),
        component: "/srv/shop/target/orders.wasm 0a1b2c3d".to_owned(),
        ..Connector::default()
    }
}

fn view() -> View {
    View {
        pipeline: "shop".to_owned(),
        connectors: vec![
            connector("shop/webhook", "source", "running"),
            Connector {
                reason: Some("the database is away: connection refused".to_owned()),
                failed: 3,
                dead_letters: 1,
                lag: None,
                ..connector("shop/surrealdb", "sink", "degraded")
            },
        ],
        ..View::default()
    }
}

fn lines(view: &View, history: &History) -> Vec<String> {
    let text = text(view, history, (140, 24));
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_frame_has_a_line_for_each_connector_and_why_one_does_not_run() {
    let lines = lines(&view(), &History::default());
    assert_eq!(lines[0], "pipeline shop  120/s in · 118/s written · 1 dead letters");
    assert!(
        lines[1].starts_with("connector") && lines[1].contains("in flight"),
        "{}",
        lines[1]
    );
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(
        words(&lines[2]),
        [
            "webhook",
            "running",
            "120",
            "118",
            "7",
            "2",
            "3%",
            "1.2",
            "MiB/64.0",
            "MiB",
            "0",
            "0",
            "orders.wasm",
            "0a1b2c3d"
        ]
    );
    assert_eq!(words(&lines[3])[..5], ["surrealdb", "degraded", "120", "118", "-"]);
    let wrong = "shop/surrealdb is degraded: the database is away: connection refused";
    assert!(lines.iter().any(|line| line == wrong), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("quit")), "a text has no keys");
}

#[test]
fn the_history_is_that_of_the_chosen_connector() {
    let mut view = view();
    let mut history = History::default();
    for rate in [0.0, 4.0, 8.0] {
        view.connectors[1].processed_per_sec = rate;
        history.add(&view.connectors);
    }
    let chosen = |view: &View| {
        let lines = lines(view, &history);
        lines
            .into_iter()
            .find(|line| line.contains("done/s, at most"))
            .expect("a history")
    };
    assert!(chosen(&view).contains("shop/webhook: done/s, at most 118"));
    view.select(1);
    assert!(chosen(&view).contains("shop/surrealdb: done/s, at most 8"));
    view.select(5);
    assert!(chosen(&view).contains("shop/surrealdb"), "the last one stays chosen");
    let bars = lines(&view, &history).concat();
    assert_eq!(bars.matches('█').count(), 4 + 2, "half as high, half as much: {bars}");
}

#[test]
fn a_narrow_screen_keeps_the_names() {
    let text = text(&view(), &History::default(), (60, 24));
    let lines: Vec<_> = text.lines().collect();
    assert!(
        lines[2].starts_with("webhook ") && lines[2].contains("running"),
        "{text}"
    );
    assert!(
        lines[3].starts_with("surrealdb ") && lines[3].contains("degraded"),
        "{text}"
    );
}

#[test]
fn every_connector_has_a_line_however_many_there_are() {
    let mut view = view();
    view.connectors = (0..40)
        .map(|n| connector(&format!("p/c{n}"), "sink", "running"))
        .collect();
    let lines = lines(&view, &History::default());
    for n in 0..40 {
        let name = format!("c{n} ");
        assert!(lines.iter().any(|line| line.starts_with(&name)), "{name}");
    }
}

#[test]
fn a_pipeline_that_does_not_answer_is_said_not_to() {
    let mut view = view();
    view.silent = Some("no pipeline runs on data".to_owned());
    assert!(lines(&view, &History::default())[0].ends_with("  no pipeline runs on data"));
    view.update(&[]);
    assert_eq!((view.silent.clone(), view.selected), (None, 0));
    lines(&view, &History::default());
}
