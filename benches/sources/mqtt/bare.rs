//! The bare side: a blocking socket, and the codec of the source. Messages are parsed, acknowledged and dropped.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::Arc,
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use danube_wasm_benches::Clock;
use mqtt_protocol_core::mqtt::packet::{
    Properties, Qos, ReceiveMaximum, SessionExpiryInterval, SubEntry, SubOpts, v5_0,
};

use crate::{FILTER, broker::PAYLOAD_BYTES};

/// First argument of this process.
pub(crate) const ROLE: &str = "bare";

/// How long the broker keeps the session.
const SESSION_SECS: u32 = 86_400;
/// Read from the socket at once, in bytes.
const READ_BYTES: usize = 64 << 10;

const CONNACK: u8 = 2;
const PUBLISH: u8 = 3;
const SUBACK: u8 = 9;

/// Has the broker keep messages for this client from here on.
pub(crate) fn subscribe(port: u16, client: &str, window: u16) -> Result<()> {
    let mut session = Session::open(port, client, window)?;
    let entry = SubEntry::new(FILTER, SubOpts::new().set_qos(Qos::AtLeastOnce)).map_err(refused)?;
    let packet = v5_0::Subscribe::builder().packet_id(1).entries(vec![entry]);
    session.send(&packet.build().map_err(refused)?.to_continuous_buffer())?;
    let (first, _) = session.next()?;
    ensure!(
        first >> 4 == SUBACK,
        "the broker answers a subscription with {first:#x}"
    );
    session.close()
}

/// Takes as many messages as the arguments say: of the port, the client, its window.
pub(crate) fn run() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(2).collect();
    let [port, client, window, messages] = &arguments[..] else {
        bail!("these are not the arguments: {arguments:?}")
    };
    let messages = messages.parse()?;
    let mut session = Session::open(port.parse()?, client, window.parse()?)?;
    let mut clock = Clock::default();
    let mut done = 0;
    while done < messages {
        let (first, body) = session.next()?;
        ensure!(first >> 4 == PUBLISH, "the broker sends {first:#x}");
        clock.record()?;
        let (publish, _) = v5_0::Publish::parse(first & 0x0f, body).map_err(refused)?;
        ensure!(publish.payload().len() == PAYLOAD_BYTES, "a message is cut off");
        session.acknowledge(publish.packet_id().context("no packet id")?)?;
        done += 1;
    }
    session.flush()?;
    println!("{}", clock.account(done)?);
    session.close()
}

/// A connection that the broker has accepted.
struct Session {
    socket: TcpStream,
    buffer: Vec<u8>,
    /// What of the buffer is read and not yet taken.
    from: usize,
    /// Acknowledgements that are sent before more is waited for.
    output: Vec<u8>,
}

impl Session {
    fn open(port: u16, client: &str, window: u16) -> Result<Self> {
        let socket = TcpStream::connect(("127.0.0.1", port))?;
        socket.set_nodelay(true)?;
        let mut session = Self {
            socket,
            buffer: Vec::new(),
            from: 0,
            output: Vec::new(),
        };
        let properties: Properties = vec![
            SessionExpiryInterval::new(SESSION_SECS).map_err(refused)?.into(),
            ReceiveMaximum::new(window).map_err(refused)?.into(),
        ];
        let packet = v5_0::Connect::builder().client_id(client).map_err(refused)?;
        let packet = packet.clean_start(false).keep_alive(0).props(properties);
        session.send(&packet.build().map_err(refused)?.to_continuous_buffer())?;
        let (first, _) = session.next()?;
        ensure!(first >> 4 == CONNACK, "the broker answers with {first:#x}");
        Ok(session)
    }

    fn send(&mut self, packet: &[u8]) -> Result<()> {
        self.output.extend_from_slice(packet);
        self.flush()
    }

    fn acknowledge(&mut self, packet_id: u16) -> Result<()> {
        let packet = v5_0::Puback::builder().packet_id(packet_id).build().map_err(refused)?;
        self.output.extend_from_slice(&packet.to_continuous_buffer());
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.socket.write_all(&self.output)?;
        self.output.clear();
        Ok(())
    }

    /// The next packet: its first byte, and what is behind the length.
    fn next(&mut self) -> Result<(u8, Arc<[u8]>)> {
        loop {
            let bytes = &self.buffer[self.from..];
            if let Some((header, length)) = header(bytes)
                && bytes.len() >= header + length
            {
                let packet = (bytes[0], Arc::from(&bytes[header..header + length]));
                self.from += header + length;
                return Ok(packet);
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> Result<()> {
        self.flush()?;
        self.buffer.drain(..self.from);
        self.from = 0;
        let have = self.buffer.len();
        self.buffer.resize(have + READ_BYTES, 0);
        let read = self.socket.read(&mut self.buffer[have..])?;
        ensure!(read > 0, "the broker has closed the connection");
        self.buffer.truncate(have + read);
        Ok(())
    }

    fn close(mut self) -> Result<()> {
        let packet = v5_0::Disconnect::builder().build().map_err(refused)?;
        self.send(&packet.to_continuous_buffer())?;
        // The broker closes when it has read all.
        let rest = self.socket.read(&mut [0; 64])?;
        ensure!(rest == 0, "the broker sends more than was published");
        Ok(())
    }
}

/// Length of the fixed header and of what is behind it, if the header is there.
fn header(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut length = 0;
    for at in 1..=4 {
        let byte = bytes.get(at)?;
        length |= usize::from(byte & 0x7f) << (7 * (at - 1));
        if byte & 0x80 == 0 {
            return Some((at + 1, length));
        }
    }
    None
}

fn refused(error: impl std::fmt::Debug) -> anyhow::Error {
    anyhow!("the codec refuses a packet: {error:?}")
}
