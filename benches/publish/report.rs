//! The table and the aims.

use danube_wasm_benches::{
    Table, median,
    report::{aim, number, percent},
};

use crate::{
    KEYS, PARTITIONS, PAYLOAD_BYTES, ROUND_TRIPS_MS,
    side::{BARE, EMBEDDED, ONE_AT_A_TIME, OURS, Side, What},
    site::Site,
};

/// Times what is sent one at a time, for each of [`ROUND_TRIPS_MS`].
const AIM_TIMES: [f64; 3] = [3.0, 20.0, 50.0];
/// Of bare tonic to the same server.
const AIM_SHARE_OF_BARE: f64 = 0.70;

/// Prints what every side came to, and whether the aims are reached.
pub(crate) fn print(sides: &[Side], sites: &[Site]) {
    println!(
        "\npublish: how many messages a second does our Danube client publish, against sending one after the other?"
    );
    let brokers: Vec<_> = sites.iter().map(|site| site.name).collect();
    println!(
        "  {PAYLOAD_BYTES}-byte messages, {PARTITIONS} partitions, reliable, keyed: {KEYS} keys; brokers: {}; medians\n",
        brokers.join(" and ")
    );
    let mut table = Table::new([
        "client → server",
        "round trip ms",
        "messages/s",
        "of one at a time",
        "of bare tonic",
        "client CPU µs",
        "server CPU µs",
    ]);
    for side in sides {
        let rate = side.rate();
        let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        let times = baseline(sides, side.what).filter(|_| side.what.client != ONE_AT_A_TIME);
        let of_bare = bare(sides, side.what)
            .filter(|_| side.what.client != ONE_AT_A_TIME)
            .map(|bare| percent(rate / bare));
        let cpu = |values: &Vec<f64>| or_dash((!values.is_empty()).then(|| number(median(values.clone()))));
        table.row([
            side.what.to_string(),
            side.what.round_trip_ms.to_string(),
            number(rate),
            or_dash(times.map(|baseline| format!("{} ×", number(rate / baseline)))),
            or_dash(of_bare),
            cpu(&side.client_cpu_us),
            cpu(&side.server_cpu_us),
        ]);
    }
    println!("{table}");
    println!("  CPU: for each message; with a round trip, the client's has the delay line in it\n");
    for site in sites {
        for (ms, times) in ROUND_TRIPS_MS.into_iter().zip(AIM_TIMES) {
            times_reached(sides, site.name, ms, times);
        }
    }
    shares_reached(sides);
    served(sides);
}

fn times_reached(sides: &[Side], site: &'static str, round_trip_ms: u64, aimed: f64) {
    let what = |client| What {
        site,
        client,
        keyed: false,
        round_trip_ms,
    };
    let (Some(ours), Some(one)) = (rate(sides, what(OURS)), rate(sides, what(ONE_AT_A_TIME))) else {
        return;
    };
    let text = format!(
        "{site}, {round_trip_ms} ms: at least {aimed} times one at a time: {} times",
        number(ours / one)
    );
    aim(&text, ours >= aimed * one);
}

fn shares_reached(sides: &[Side]) {
    for side in sides.iter().filter(|side| side.what.client == OURS && !side.what.keyed) {
        let Some(bare) = bare(sides, side.what) else { continue };
        let share = side.rate() / bare;
        let text = format!(
            "{}, {} ms: at least {} of bare tonic to it: {}",
            side.what,
            side.what.round_trip_ms,
            percent(AIM_SHARE_OF_BARE),
            percent(share)
        );
        aim(&text, share >= AIM_SHARE_OF_BARE);
    }
}

/// What the wire costs danube-wasm's own broker.
fn served(sides: &[Side]) {
    let of = |site, client| {
        let what = What {
            site,
            client,
            keyed: false,
            round_trip_ms: 0,
        };
        rate(sides, what)
    };
    if let (Some(served), Some(embedded)) = (of(crate::site::DANUBE_WASM, OURS), of(EMBEDDED, EMBEDDED)) {
        println!(
            "  served over the wire: {} of embedded in this process\n",
            percent(served / embedded)
        );
    }
}

impl Side {
    fn rate(&self) -> f64 {
        median(self.rates.clone())
    }
}

fn rate(sides: &[Side], what: What) -> Option<f64> {
    sides.iter().find(|side| side.what == what).map(Side::rate)
}

fn baseline(sides: &[Side], what: What) -> Option<f64> {
    let client = ONE_AT_A_TIME;
    rate(sides, What { client, ..what })
}

/// Bare tonic to the same server.
fn bare(sides: &[Side], what: What) -> Option<f64> {
    let bare = What {
        client: BARE,
        keyed: false,
        ..what
    };
    rate(sides, bare).filter(|_| what != bare)
}
