//! `ws` and `wss`.

use std::net::TcpStream;

use danube_wasm_connector::{Finding, Outcome};
use danube_wasm_test_certs::{Authority, write_pem};
use danube_wasm_testkit::{servers, until};
use tokio::{io::AsyncWriteExt as _, net::TcpListener};

use crate::support::{
    bridge::{Bridge, Cut},
    hivemq::HiveMq,
    mosquitto::Mosquitto,
    publisher::{numbers, publish, texts},
    source::{MqttProcess as _, Process, new_log, probe, table, texts_once, websocket_table},
};

const TEMPERATURE: &str = "plant/1/temperature";

/// Mosquitto with a second listener, for WebSockets, and its port.
async fn mosquitto() -> Option<(Mosquitto, u16)> {
    let port = servers::free_port();
    let broker = Mosquitto::start(&format!("listener {port} 127.0.0.1\nprotocol websockets")).await?;
    until("it listens for WebSockets", || {
        TcpStream::connect(("127.0.0.1", port)).ok()
    })
    .await;
    Some((broker, port))
}

/// The one thing that was found, which is a failure.
fn failure(findings: &[Finding]) -> &str {
    match findings {
        [
            Finding {
                outcome: Outcome::Failed(why),
                ..
            },
        ] => why,
        other => panic!("{other:?}"),
    }
}

fn all_reached(findings: &[Finding]) -> bool {
    findings.len() == 2 && findings.iter().all(|one| one.outcome == Outcome::Reached)
}

#[tokio::test(flavor = "multi_thread")]
async fn mosquitto_is_read_over_websocket_and_keeps_the_session() {
    for (version, qos) in [("5", 1), ("5", 2), ("3.1.1", 1)] {
        let Some((broker, port)) = mosquitto().await else {
            return;
        };
        let table = websocket_table(port, qos, &format!("protocol = \"{version}\""));
        let findings = probe(&table).await;
        assert!(all_reached(&findings), "{findings:?}");
        let log = new_log();
        let process = Process::start(&log, &table).await;
        process.subscribed(1).await;
        publish(broker.port, texts(TEMPERATURE, qos, numbers(1..=300))).await;
        log.records(300).await;
        process.shut();
        publish(broker.port, texts(TEMPERATURE, qos, numbers(301..=310))).await;
        process.kill().await;
        publish(broker.port, texts(TEMPERATURE, qos, numbers(311..=320))).await;
        let process = Process::start(&log, &table).await;
        let records = log.records(320).await;
        assert_eq!(texts_once(&records), numbers(1..=320), "QoS {qos}, {version}");
        assert_eq!(process.sum("danube_wasm_mqtt_connections_total", "resumed"), 1);
        process.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strict_broker_is_read_over_websocket_and_ends_no_connection() {
    let Some((broker, port)) = HiveMq::start_with_websocket("mqtt").await else {
        return;
    };
    let table = websocket_table(port, 1, "receive_maximum = 20");
    let findings = probe(&table).await;
    assert!(all_reached(&findings), "{findings:?}");
    let log = new_log();
    let process = Process::start(&log, &table).await;
    process.subscribed(1).await;
    let large = "x".repeat(300_000);
    publish(broker.port, texts(TEMPERATURE, 1, numbers(1..=500))).await;
    publish(broker.port, texts(TEMPERATURE, 1, [large.as_str()])).await;
    let records = log.records(501).await;
    assert_eq!(texts_once(&records)[..500], numbers(1..=500));
    assert_eq!(records[500].text, large);
    assert_eq!(process.sum("danube_wasm_mqtt_connections_total", ""), 1);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_over_tls_is_checked_as_any_other_connection() {
    let port = servers::free_port();
    let broker = Mosquitto::start_with(|dir| {
        let authority = Authority::new();
        write_pem(dir, "ca.pem", &authority.pem());
        authority.issue(&["localhost"]).write(dir, "localhost");
        let dir = dir.display();
        format!(
            "listener {port} 127.0.0.1\nprotocol websockets\ncafile {dir}/ca.pem\ncertfile {dir}/localhost.pem\n\
             keyfile {dir}/localhost-key.pem"
        )
    });
    let Some(broker) = broker.await else { return };
    until("it listens for WebSockets", || {
        TcpStream::connect(("127.0.0.1", port)).ok()
    })
    .await;
    let table = |tls: &str| table(port, 1, tls).replace("mqtt://127.0.0.1", "wss://localhost");
    let why = failure(&probe(&table("")).await).to_owned();
    assert!(why.contains("certificate") && why.contains("wss://localhost"), "{why}");
    let table = table(&format!(
        "tls = {{ ca_file = \"{}\" }}",
        broker.file("ca.pem").display()
    ));
    let findings = probe(&table).await;
    assert!(all_reached(&findings), "{findings:?}");
    let log = new_log();
    let process = Process::start(&log, &table).await;
    process.subscribed(1).await;
    publish(broker.port, texts(TEMPERATURE, 1, numbers(1..=50))).await;
    assert_eq!(texts_once(&log.records(50).await), numbers(1..=50));
    process.stop().await;
}

/// [MQTT-6.0.0-2]: a packet is in no relation to a frame.
#[tokio::test(flavor = "multi_thread")]
async fn frames_that_cut_packets_anywhere_or_hold_several_are_one_stream() {
    for cut in [
        Cut::Messages(1),
        Cut::Messages(7),
        Cut::Messages(60_000),
        Cut::Frames(1),
        Cut::Frames(50),
    ] {
        let Some(broker) = Mosquitto::start("").await else {
            return;
        };
        let bridge = Bridge::to(broker.port, cut).await;
        let log = new_log();
        let table = websocket_table(bridge.port, 1, "");
        let table = table.replace(&bridge.port.to_string(), &format!("{}/behind/a/proxy", bridge.port));
        let process = Process::start(&log, &table).await;
        process.subscribed(1).await;
        publish(broker.port, texts(TEMPERATURE, 1, numbers(1..=200))).await;
        assert_eq!(texts_once(&log.records(200).await), numbers(1..=200), "{cut:?}");
        assert_eq!(process.sum("danube_wasm_mqtt_connections_total", ""), 1, "{cut:?}");
        process.stop().await;
    }
}

/// It would be sent again on each connection, and end each.
#[tokio::test(flavor = "multi_thread")]
async fn a_frame_over_the_limit_stops_the_source_with_a_cure_instead_of_ending_each_connection() {
    let Some(broker) = Mosquitto::start("").await else {
        return;
    };
    let bridge = Bridge::to(broker.port, Cut::Giant((64 << 20) + 1)).await;
    let table = websocket_table(bridge.port, 1, "");
    let table = table.replace(&bridge.port.to_string(), &format!("{}/behind/a/proxy", bridge.port));
    let log = new_log();
    let process = Process::start(&log, &table).await;
    let why = process.failed().await;
    assert!(
        why.contains("67108865 bytes in one WebSocket message") && why.contains("name its `mqtt` or `mqtts` port"),
        "{why}"
    );
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_where_mqtt_is_binary_ends_the_connection_and_is_said() {
    let Some(broker) = Mosquitto::start("").await else {
        return;
    };
    let bridge = Bridge::to(broker.port, Cut::Text).await;
    let table = websocket_table(bridge.port, 1, "");
    let table = table.replace(&bridge.port.to_string(), &format!("{}/behind/a/proxy", bridge.port));
    let log = new_log();
    let process = Process::start(&log, &table).await;
    let why = process.waits().await;
    assert!(why.contains("sent text over WebSocket"), "{why}");
    process.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_refuses_the_subprotocol_is_named_with_a_cure() {
    let Some((_broker, port)) = HiveMq::start_with_websocket("mqttv3.1").await else {
        return;
    };
    let why = failure(&probe(&websocket_table(port, 1, "")).await).to_owned();
    assert!(
        why.contains("refuses its subprotocol `mqtt`") && why.contains("allow `mqtt` there"),
        "{why}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_websocket_is_named_with_a_cure() {
    let Some((broker, port)) = mosquitto().await else {
        return;
    };
    // The broker's MQTT port, asked for a WebSocket, and the other way round.
    let why = failure(&probe(&websocket_table(broker.port, 1, "")).await).to_owned();
    assert!(
        why.contains("the WebSocket request for `/mqtt`") && why.contains("for its MQTT port write `mqtt://`"),
        "{why}"
    );
    let why = failure(&probe(&table(port, 1, "connect_timeout_ms = 1000")).await).to_owned();
    assert!(
        why.contains("check that this is an MQTT port") && why.contains("over WebSocket write `ws://`"),
        "{why}"
    );
    for (answer, says, cure) in [
        (
            "HTTP/1.1 404 Not Found\r\n\r\n",
            "HTTP status 404",
            "name port and path",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP status 200",
            "name port and path",
        ),
        (
            "HTTP/1.1 401 Unauthorized\r\n\r\n",
            "HTTP status 401",
            "let this client pass",
        ),
        ("HTTP/1.1 503 Service Unavailable\r\n\r\n", "HTTP status 503", "is away"),
        (
            "HTTP/1.1 302 Found\r\nlocation: /x\r\n\r\n",
            "HTTP status 302",
            "redirects are not followed",
        ),
        (
            "HTTP/1.1 101 Switching Protocols\r\n\r\n",
            "does not complete",
            "pass `Upgrade` on",
        ),
        (
            "220 smtp.example ESMTP\r\n",
            "no HTTP",
            "check that this is its WebSocket port",
        ),
        ("", "broke the connection", "check that this is its WebSocket port"),
    ] {
        let port = answering(answer).await;
        let why = failure(&probe(&websocket_table(port, 1, "")).await).to_owned();
        assert!(why.contains(says) && why.contains(cure), "{answer:?}: {why}");
    }
    let silent = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = silent.local_addr().expect("its address").port();
    let why = failure(&probe(&websocket_table(port, 1, "connect_timeout_ms = 300")).await).to_owned();
    assert!(why.contains("within 300 ms"), "{why}");
}

/// A server that answers whatever it is asked with this, and hangs up.
async fn answering(answer: &'static str) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut asked = [0; 4096];
            let _ = tokio::io::AsyncReadExt::read(&mut socket, &mut asked).await;
            socket.write_all(answer.as_bytes()).await.expect("sent");
        }
    });
    port
}
