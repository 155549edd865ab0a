//! The sandbox of a process: engine, clock, workers, compiled components.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use parking_lot::Mutex;
use tokio::{
    sync::{Mutex as AsyncMutex, Semaphore},
    task::JoinHandle,
};
use wasmtime::{Engine, component::Component};

use crate::{
    artifact::{self, ArtifactCache},
    compile::{CompileError, CompileTier, Compiler, Job, Response, functions},
    engine,
    error::SandboxError,
    limits::{BACKTRACE_FRAMES_MAX, CompileLimits, PoolLimits},
    lines::LineTable,
    ticker::Ticker,
    workers::Workers,
};

/// Fewest threads that components run on by default. The first long call of a component that was quick until then holds
/// one of them; the others continue, also on the same processor.
pub const WORKERS_MIN: usize = 2;

/// How to make a sandbox.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// Directory of compiled components; made if it is not there, and then only this user's.
    pub cache_dir: PathBuf,
    /// Threads that components share. As many again, and at least four, run isolated calls.
    pub workers: usize,
    /// Calls of a new connector that run isolated. Default 16; with 0 a connector shares threads until one of its calls
    /// holds a thread for long.
    pub calls_to_know: u32,
    /// Where components are compiled.
    pub compiler: Compiler,
    /// Which compiler makes their code. Default [`CompileTier::Optimized`].
    pub tier: CompileTier,
    /// What compiling may take.
    pub compile: CompileLimits,
    /// What all components share.
    pub pool: PoolLimits,
    /// Functions of a call that are looked at, for traps and profiles. Default [`BACKTRACE_FRAMES_MAX`], which is what a trap keeps.
    pub frames_max: usize,
}

impl SandboxOptions {
    /// Defaults: a thread for each processor, and [`WORKERS_MIN`] at least.
    pub fn new(cache_dir: impl Into<PathBuf>, compiler: Compiler) -> Self {
        Self {
            cache_dir: cache_dir.into(),
            calls_to_know: 16,
            workers: std::thread::available_parallelism().map_or(WORKERS_MIN, |n| n.get().max(WORKERS_MIN)),
            compiler,
            tier: CompileTier::default(),
            compile: CompileLimits::default(),
            pool: PoolLimits::default(),
            frames_max: BACKTRACE_FRAMES_MAX,
        }
    }
}

/// Where components run. It lives until the last component loaded into it is dropped.
pub struct Sandbox {
    engine: Engine,
    ticker: Ticker,
    workers: Workers,
    cache: Arc<ArtifactCache>,
    options: SandboxOptions,
    children: Semaphore,
    /// Compiled components that are in use or being compiled, by digest: loading one twice compiles it once.
    compiled: Mutex<HashMap<String, Slot>>,
    /// Functions that were not compiled, because an earlier compilation had left them.
    reused_functions: AtomicU64,
}

type Slot = Arc<AsyncMutex<Weak<Compiled>>>;

/// A compiled component in memory.
pub(crate) struct Compiled {
    digest: String,
    component: Component,
    lines: Option<LineTable>,
}

impl Compiled {
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    pub(crate) fn component(&self) -> &Component {
        &self.component
    }

    /// The lines of its source, if it has debug information.
    pub(crate) fn lines(&self) -> Option<&LineTable> {
        self.lines.as_ref()
    }
}

/// What the sandbox uses at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Instances alive: one for each lane that has been called.
    pub instances: u64,
    /// Most instances alive at once.
    pub instances_max: u32,
    /// Linear memories in use.
    pub memories: usize,
    /// Tables in use.
    pub tables: usize,
    /// Call stacks in use; an idle instance keeps its last one.
    pub stacks: usize,
    /// Bytes kept resident for the next instances.
    pub idle_memory_bytes: usize,
    /// Functions that were not compiled, because an earlier compilation had left them, since the start.
    pub reused_functions: u64,
}

impl Sandbox {
    /// Opens the cache, reserves address space, starts threads.
    pub fn try_new(options: SandboxOptions) -> Result<Arc<Self>, SandboxError> {
        let engine = engine::running_engine(&options.pool, options.tier, options.frames_max).map_err(|error| {
            SandboxError::Engine {
                message: format!("{error:#}"),
            }
        })?;
        let cache = ArtifactCache::open(
            &options.cache_dir,
            engine::compatibility(&engine, options.tier),
            options.compile.cache_bytes_max,
        )
        .map_err(|source| SandboxError::Cache {
            dir: options.cache_dir.clone(),
            source,
        })?;
        Ok(Arc::new(Self {
            ticker: Ticker::start(&engine).map_err(SandboxError::Threads)?,
            workers: Workers::start(options.workers).map_err(SandboxError::Threads)?,
            cache: Arc::new(cache),
            children: Semaphore::new(options.compile.children_max.max(1)),
            compiled: Mutex::default(),
            reused_functions: AtomicU64::new(0),
            engine,
            options,
        }))
    }

    /// Runs a future, and the tasks that it spawns, on the threads that components run on. Code that calls components
    /// in a loop should run here: most calls then need no other thread, and these threads also prepare and check the
    /// batches.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.workers.shared().spawn(future)
    }

    /// What it uses at present.
    pub fn usage(&self) -> Usage {
        let metrics = self.engine.pooling_allocator_metrics();
        Usage {
            instances: metrics.as_ref().map_or(0, |m| m.component_instances()),
            instances_max: self.options.pool.instances_max,
            memories: metrics.as_ref().map_or(0, |m| m.memories()),
            tables: metrics.as_ref().map_or(0, |m| m.tables()),
            stacks: metrics.as_ref().map_or(0, |m| m.stacks()),
            idle_memory_bytes: metrics.as_ref().map_or(0, |m| m.unused_memory_bytes_resident()),
            reused_functions: self.reused_functions.load(Relaxed),
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn ticker(&self) -> &Ticker {
        &self.ticker
    }

    pub(crate) fn workers(&self) -> &Workers {
        &self.workers
    }

    pub(crate) fn options(&self) -> &SandboxOptions {
        &self.options
    }

    /// The component, from memory, from the cache, or from the compiler.
    pub(crate) async fn compiled(
        &self,
        file: &str,
        digest: &str,
        bytes: &Arc<[u8]>,
    ) -> Result<Arc<Compiled>, CompileError> {
        let slot = self.slot(digest);
        let mut slot = slot.lock().await;
        if let Some(compiled) = slot.upgrade() {
            return Ok(compiled);
        }
        let component = match self.cached(digest).await? {
            Some(component) => component,
            None => self.compile(file, digest, bytes).await?,
        };
        let lines = self.lines(digest).await?;
        let compiled = Arc::new(Compiled {
            digest: digest.to_owned(),
            component,
            lines,
        });
        *slot = Arc::downgrade(&compiled);
        Ok(compiled)
    }

    fn slot(&self, digest: &str) -> Slot {
        let mut slots = self.compiled.lock();
        slots.retain(|_, slot| {
            let idle = slot.try_lock().is_ok_and(|compiled| compiled.strong_count() == 0);
            !(idle && Arc::strong_count(slot) == 1)
        });
        Arc::clone(slots.entry(digest.to_owned()).or_default())
    }

    async fn cached(&self, digest: &str) -> Result<Option<Component>, CompileError> {
        let (cache, engine, digest) = (Arc::clone(&self.cache), self.engine.clone(), digest.to_owned());
        blocking(move || cache.load(&engine, &digest)).await
    }

    /// What the compilation of a component left of its debug information.
    async fn lines(&self, digest: &str) -> Result<Option<LineTable>, CompileError> {
        let (cache, digest) = (Arc::clone(&self.cache), digest.to_owned());
        blocking(move || cache.lines(&digest).and_then(|lines| LineTable::decode(&lines))).await
    }

    async fn compile(&self, file: &str, digest: &str, bytes: &Arc<[u8]>) -> Result<Component, CompileError> {
        // The semaphore is never closed.
        let _child = self.children.acquire().await;
        let started = Instant::now();
        let functions = self.functions(bytes.len()).await?;
        let job = Job {
            file,
            component: bytes,
            limits: &self.options.compile,
            tier: self.options.tier,
            functions: functions.as_deref(),
        };
        let made = self.options.compiler.compile(job).await?;
        drop(functions);
        tracing::info!(
            component = file,
            ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            functions_reused = made.reused,
            functions_compiled = made.compiled,
            tier = self.options.tier.as_str(),
            "compiled"
        );
        self.reused_functions.fetch_add(made.reused, Relaxed);
        self.keep(file, digest, made).await
    }

    /// Functions that earlier compilations left; nothing if a component of this size is compiled without.
    async fn functions(&self, component_bytes: usize) -> Result<Option<Vec<u8>>, CompileError> {
        if component_bytes < functions::COMPONENT_BYTES_MIN || !self.options.tier.reuses_functions() {
            return Ok(None);
        }
        let cache = Arc::clone(&self.cache);
        blocking(move || Some(cache.functions(functions::GIVEN_BYTES_MAX))).await
    }

    /// Keeps what was compiled, and loads it from there; if it cannot be kept, from memory.
    async fn keep(&self, file: &str, digest: &str, made: Response) -> Result<Component, CompileError> {
        let (cache, engine, digest) = (Arc::clone(&self.cache), self.engine.clone(), digest.to_owned());
        let component = blocking(move || {
            let kept = match made.made.is_empty() {
                true => Ok(()),
                false => cache.store_functions(&digest, &made.made),
            };
            let kept = kept.and_then(|()| match made.lines.is_empty() {
                true => Ok(()),
                false => cache.store_lines(&digest, &made.lines),
            });
            match kept.and_then(|()| cache.store(&digest, &made.artifact)) {
                Ok(()) => cache.load(&engine, &digest).map(Ok),
                Err(error) => {
                    tracing::warn!(%error, "a compiled component cannot be kept; it is compiled again at the next start");
                    None
                }
            }
            .unwrap_or_else(|| artifact::deserialize(&engine, &made.artifact))
        })
        .await?;
        component.map_err(|error| CompileError::invalid(file, format!("{error:#}")))
    }
}

/// Runs work that waits for the disk or takes long on a blocking thread. Call it on the isolated pool, whose blocking
/// threads have low priority too.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, CompileError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| CompileError::Unavailable {
        message: format!("a task of the host ended early: {error}"),
    })
}
