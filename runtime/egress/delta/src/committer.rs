//! One committer for each table: what its lanes hand in together becomes one commit.

use std::{sync::Arc, thread};

use danube_wasm_model::door::Write;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use crate::{
    error::TableError,
    layout::Layout,
    limits::COMMIT_BYTES_MAX,
    row::Row,
    writer::{Setup, TableWriter},
};

/// Tries of a batch whose table's columns changed meanwhile.
const LAYOUTS_MAX: usize = 5;

/// Hands rows to a table's committer.
pub(crate) struct Committer {
    requests: Mutex<Option<mpsc::UnboundedSender<Request>>>,
    ended: Mutex<Option<oneshot::Receiver<()>>>,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(crate) struct Appended {
    /// Places of writes that the table will never take, each with why.
    pub(crate) refused: Vec<(usize, String)>,
    /// Rows that the table had.
    pub(crate) known: usize,
}

enum Request {
    Layout(oneshot::Sender<Result<Arc<Layout>, TableError>>),
    Append(Append),
}

struct Append {
    layout: Arc<Layout>,
    rows: Vec<Row>,
    done: oneshot::Sender<Result<usize, TableError>>,
}

impl Committer {
    /// Starts it. The table is opened when it is first needed.
    pub(crate) fn start(setup: Setup) -> std::io::Result<Self> {
        let (requests, incoming) = mpsc::unbounded_channel();
        let (end, ended) = oneshot::channel();
        let name = format!("delta-{:.9}", setup.config.name);
        let run = move || {
            Loop {
                setup,
                incoming,
                writer: None,
            }
            .run();
            let _ = end.send(());
        };
        thread::Builder::new().name(name).spawn(run)?;
        Ok(Self {
            requests: Mutex::new(Some(requests)),
            ended: Mutex::new(Some(ended)),
        })
    }

    /// Whether the table can be written to, and how rows are made for it.
    pub(crate) async fn layout(&self) -> Result<Arc<Layout>, TableError> {
        let (answer, answered) = oneshot::channel();
        self.send(Request::Layout(answer))?;
        answered.await.map_err(|_| closed())?
    }

    /// Appends the rows of writes, given with their places. Returns when they are in the table.
    pub(crate) async fn append(&self, writes: &[(usize, &Write)]) -> Result<Appended, TableError> {
        for _ in 0..LAYOUTS_MAX {
            let layout = self.layout().await?;
            let mut appended = Appended::default();
            let mut rows = Vec::with_capacity(writes.len());
            for (place, write) in writes {
                match layout.row(write) {
                    Ok(row) => rows.push(row),
                    Err(why) => appended.refused.push((*place, why)),
                }
            }
            if rows.is_empty() {
                return Ok(appended);
            }
            let (done, answered) = oneshot::channel();
            self.send(Request::Append(Append { layout, rows, done }))?;
            match answered.await.map_err(|_| closed())? {
                Err(TableError::Changed) => continue,
                known => appended.known = known?,
            }
            return Ok(appended);
        }
        Err(TableError::Changed)
    }

    /// Finishes what was handed in.
    pub(crate) async fn close(&self) {
        self.requests.lock().take();
        let ended = self.ended.lock().take();
        if let Some(ended) = ended {
            let _ = ended.await;
        }
    }

    fn send(&self, request: Request) -> Result<(), TableError> {
        let sent = self.requests.lock().as_ref().map(|requests| requests.send(request));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(closed()),
        }
    }
}

fn closed() -> TableError {
    TableError::Transient("the sink was closed".to_owned())
}

struct Loop {
    setup: Setup,
    incoming: mpsc::UnboundedReceiver<Request>,
    writer: Option<TableWriter>,
}

impl Loop {
    fn run(&mut self) {
        while let Some(request) = self.incoming.blocking_recv() {
            let mut appends = Vec::new();
            let mut bytes = self.take(request, &mut appends);
            while bytes < COMMIT_BYTES_MAX
                && let Ok(request) = self.incoming.try_recv()
            {
                bytes += self.take(request, &mut appends);
            }
            self.append(appends);
        }
    }

    /// Answers what asks for the layout, and gathers the rest.
    fn take(&mut self, request: Request, appends: &mut Vec<Append>) -> usize {
        match request {
            Request::Layout(answer) => {
                let _ = answer.send(self.writer().map(|writer| writer.layout().clone()));
                0
            }
            Request::Append(append) => {
                let bytes = append.rows.iter().map(|row| row.bytes).sum();
                appends.push(append);
                bytes
            }
        }
    }

    fn writer(&mut self) -> Result<&mut TableWriter, TableError> {
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => TableWriter::open(self.setup.clone())?,
        };
        Ok(self.writer.insert(writer))
    }

    fn append(&mut self, appends: Vec<Append>) {
        if appends.is_empty() {
            return;
        }
        let current = match self.writer() {
            Ok(writer) => writer.layout().clone(),
            Err(error) => return answer(appends, &Err(error)),
        };
        let (appends, stale): (Vec<_>, Vec<_>) = appends
            .into_iter()
            .partition(|append| append.layout.fits(&current.schema));
        answer(stale, &Err(TableError::Changed));
        let (mut rows, mut waiting) = (Vec::new(), Vec::new());
        for append in appends {
            rows.extend(append.rows);
            waiting.push(append.done);
        }
        let known = self.writer().and_then(|writer| writer.append(rows));
        if let Err(TableError::Unfit(_) | TableError::Fatal(_) | TableError::Changed) = &known {
            // It may be another table meanwhile: it is opened again.
            self.writer = None;
        }
        let mut waiting = waiting.into_iter();
        if let Some(first) = waiting.next() {
            let _ = first.send(known.clone());
        }
        for done in waiting {
            // All are counted with the first.
            let _ = done.send(known.clone().map(|_| 0));
        }
    }
}

fn answer(appends: Vec<Append>, known: &Result<usize, TableError>) {
    for append in appends {
        let _ = append.done.send(known.clone());
    }
}
