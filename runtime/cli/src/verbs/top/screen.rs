//! The terminal: what is drawn on it and typed into it.

use std::{
    io::{self, Stdout},
    path::Path,
    thread,
    time::Duration,
};

use ratatui::{
    Terminal,
    backend::TermionBackend,
    termion::{
        event::Key,
        input::TermRead,
        raw::{IntoRawMode, RawTerminal},
        screen::{AlternateScreen, IntoAlternateScreen},
    },
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use super::{asked, frame, history::History, view::View};
use crate::exit::Failure;

/// What is left as it was when it is dropped.
type Screen = Terminal<TermionBackend<AlternateScreen<RawTerminal<Stdout>>>>;

/// Draws until its user quits, or the process is asked to end.
pub(super) async fn run(data_dir: &Path, mut view: View, every: Duration) -> Result<(), Failure> {
    let mut screen = open().map_err(Failure::internal)?;
    let mut history = History::default();
    history.add(&view.connectors);
    let mut keys = keys();
    let mut ticks = tokio::time::interval(every);
    let mut end = signal(SignalKind::terminate()).map_err(Failure::internal)?;
    // Another size of the window is drawn at once.
    let mut resized = signal(SignalKind::window_change()).map_err(Failure::internal)?;
    loop {
        screen
            .draw(|frame| frame::draw(frame, &view, &history))
            .map_err(Failure::internal)?;
        tokio::select! {
            _ = ticks.tick() => match asked(data_dir).await {
                Ok(values) => {
                    view.update(&values);
                    history.add(&view.connectors);
                }
                Err(failure) => view.silent = Some(first_sentence(&failure.message)),
            },
            key = keys.recv() => match key {
                Some(Key::Up | Key::Char('k')) => view.select(-1),
                Some(Key::Down | Key::Char('j')) => view.select(1),
                None | Some(Key::Char('q') | Key::Esc | Key::Ctrl('c')) => return Ok(()),
                Some(_) => {}
            },
            _ = resized.recv() => {}
            _ = end.recv() => return Ok(()),
        }
    }
}

fn open() -> io::Result<Screen> {
    let stdout = io::stdout().into_raw_mode()?.into_alternate_screen()?;
    // It is empty. `clear` would ask the terminal where its cursor is, and the keys would swallow the answer.
    Terminal::new(TermionBackend::new(stdout))
}

/// Keys, from a thread that reads until the process ends: a terminal cannot be read without waiting.
fn keys() -> mpsc::Receiver<Key> {
    let (sender, receiver) = mpsc::channel(16);
    thread::spawn(move || {
        for key in io::stdin().keys().map_while(Result::ok) {
            if sender.blocking_send(key).is_err() {
                return;
            }
        }
    });
    receiver
}

/// A title has room for one.
fn first_sentence(message: &str) -> String {
    message.split([':', '\n']).next().unwrap_or_default().to_owned()
}
