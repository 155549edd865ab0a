//! The sandbox of a process: engine, clock, workers, compiled components.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;
use tokio::{
    sync::{Mutex as AsyncMutex, Semaphore},
    task::JoinHandle,
};
use wasmtime::{Engine, component::Component};

use crate::{
    artifact::{self, ArtifactCache},
    compile::{CompileError, Compiler},
    engine,
    error::SandboxError,
    limits::{CompileLimits, PoolLimits},
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
    /// What compiling may take.
    pub compile: CompileLimits,
    /// What all components share.
    pub pool: PoolLimits,
}

impl SandboxOptions {
    /// Defaults: a thread for each processor, and [`WORKERS_MIN`] at least.
    pub fn new(cache_dir: impl Into<PathBuf>, compiler: Compiler) -> Self {
        Self {
            cache_dir: cache_dir.into(),
            calls_to_know: 16,
            workers: std::thread::available_parallelism().map_or(WORKERS_MIN, |n| n.get().max(WORKERS_MIN)),
            compiler,
            compile: CompileLimits::default(),
            pool: PoolLimits::default(),
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
}

type Slot = Arc<AsyncMutex<Weak<Compiled>>>;

/// A compiled component in memory.
pub(crate) struct Compiled {
    digest: String,
    component: Component,
}

impl Compiled {
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    pub(crate) fn component(&self) -> &Component {
        &self.component
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
}

impl Sandbox {
    /// Opens the cache, reserves address space, starts threads.
    pub fn try_new(options: SandboxOptions) -> Result<Arc<Self>, SandboxError> {
        let engine = engine::running_engine(&options.pool).map_err(|error| SandboxError::Engine {
            message: format!("{error:#}"),
        })?;
        let cache = ArtifactCache::open(
            &options.cache_dir,
            engine::compatibility(&engine),
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
        let compiled = Arc::new(Compiled {
            digest: digest.to_owned(),
            component,
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

    async fn compile(&self, file: &str, digest: &str, bytes: &Arc<[u8]>) -> Result<Component, CompileError> {
        // The semaphore is never closed.
        let _child = self.children.acquire().await;
        let artifact = self
            .options
            .compiler
            .compile(file, bytes, &self.options.compile)
            .await?;
        let (cache, engine, digest) = (Arc::clone(&self.cache), self.engine.clone(), digest.to_owned());
        let component = blocking(move || {
            if let Err(error) = cache.store(&digest, &artifact) {
                tracing::warn!(%error, "a compiled component cannot be kept; it is compiled again at the next start");
            }
            artifact::deserialize(&engine, &artifact)
        })
        .await?;
        component.map_err(|error| CompileError::Invalid {
            file: file.to_owned(),
            message: format!("{error:#}"),
        })
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
