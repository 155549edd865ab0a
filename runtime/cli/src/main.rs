//! `danube-wasm`: moves data into and out of the Danube message broker through sandboxed connectors.
//!
//! This crate puts the other rooms together and holds no logic of its own that a test could not reach through the binary.
//! Each verb is one file of `verbs/`.

mod args;
mod exit;
mod panics;
mod signals;
mod terminal;
mod verbs;

use std::process::ExitCode;

use clap::Parser;

/// Small texts come and go with each record, on other threads than they came from: with the system's allocator that is a fifth
/// of all processor time.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// What this program is started with to compile the component on its standard input to its standard output.
const COMPILE: &str = "__compile";

fn main() -> ExitCode {
    // Not a verb of users', so that no help and no tip names it: the sandbox's compiler, under its limits.
    if std::env::args_os().nth(1).is_some_and(|verb| verb == COMPILE) {
        return danube_wasm_sandbox::compile_child_main();
    }
    let arguments = args::Arguments::parse();
    if let Err(failure) = arm_failpoint() {
        return failure.report();
    }
    let outcome = match arguments.verb {
        args::Verb::Run(run) => verbs::run::run(&run),
        args::Verb::Status(status) => verbs::status::status(&status),
        args::Verb::Top(top) => verbs::top::top(&top),
        args::Verb::Pause(pause) => verbs::pause::pause(&pause, true),
        args::Verb::Resume(pause) => verbs::pause::pause(&pause, false),
        args::Verb::Reload(reload) => verbs::reload::reload(&reload),
        args::Verb::Shadow(shadow) => verbs::shadow::shadow(&shadow),
        args::Verb::Tap(tap) => verbs::tap::tap(&tap),
        args::Verb::Builtins(builtins) => verbs::builtins::builtins(&builtins),
        args::Verb::Approve(approve) => verbs::approve::approve(&approve),
        args::Verb::Check(check) => verbs::check::check(&check),
        args::Verb::Migrate(migrate) => verbs::migrate::migrate(&migrate),
        args::Verb::MigrateLog(migrate_log) => verbs::migrate_log::migrate_log(&migrate_log),
        args::Verb::New(new) => verbs::new::new(&new),
        args::Verb::Build(build) => verbs::build::build(&build),
        args::Verb::Push(push) => verbs::registry::push(&push),
        args::Verb::Pull(pull) => verbs::registry::pull(&pull),
        args::Verb::Test(test) => verbs::test::test(&test),
        args::Verb::Bench(bench) => verbs::bench::bench(&bench),
        args::Verb::Inspect(inspect) => verbs::inspect::inspect(&inspect),
        args::Verb::Query(query) => verbs::query::query(&query),
        args::Verb::Health(health) => verbs::health::health(&health),
        args::Verb::Broker(broker) => verbs::broker::broker(&broker),
        args::Verb::Topics(topics) => verbs::topics::topics(topics),
        args::Verb::Subscriptions(subscriptions) => verbs::topics::subscriptions(subscriptions),
        args::Verb::Dlq(dlq) => verbs::dlq::dlq(dlq),
        args::Verb::Replay(replay) => verbs::replay::replay(&replay),
        args::Verb::Explain(explain) => verbs::explain::explain(&explain),
        args::Verb::Doctor(doctor) => verbs::doctor::doctor(&doctor),
        args::Verb::Completions(completions) => verbs::shell::completions(&completions),
        args::Verb::Man(man) => verbs::shell::man(&man),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// In the crash tests' build, a variable says where this process dies; in any other, it refuses to start.
fn arm_failpoint() -> Result<(), exit::Failure> {
    const VARIABLE: &str = "DANUBE_WASM_FAILPOINT";
    let Ok(text) = std::env::var(VARIABLE) else {
        return Ok(());
    };
    let refused = |why| exit::Failure::configuration(format!("{VARIABLE}={text}: {why}"));
    danube_wasm_pipeline::failpoints::arm(&text).map_err(refused)
}

/// The runtime of the host's own work. Components and embedded databases have threads of their own.
fn runtime() -> Result<tokio::runtime::Runtime, exit::Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("host")
        .build()
        .map_err(exit::Failure::internal)
}

/// The sandbox, whose compiler is this program in a child process.
fn sandbox(cache: &std::path::Path) -> Result<std::sync::Arc<danube_wasm_sandbox::Sandbox>, exit::Failure> {
    sandbox_of(danube_wasm_sandbox::CompileTier::Optimized, cache)
}

/// The sandbox whose compiler is quick, or whose code is.
fn sandbox_of(
    tier: danube_wasm_sandbox::CompileTier,
    cache: &std::path::Path,
) -> Result<std::sync::Arc<danube_wasm_sandbox::Sandbox>, exit::Failure> {
    let mut options = sandbox_options(cache)?;
    options.tier = tier;
    danube_wasm_sandbox::Sandbox::try_new(options).map_err(exit::Failure::configuration)
}

/// The sandbox that looks at whole stacks of calls.
fn profiling_sandbox(cache: &std::path::Path) -> Result<std::sync::Arc<danube_wasm_sandbox::Sandbox>, exit::Failure> {
    /// Enough for an interpreter within an interpreter.
    const FRAMES_MAX: usize = 256;
    let mut options = sandbox_options(cache)?;
    options.frames_max = FRAMES_MAX;
    danube_wasm_sandbox::Sandbox::try_new(options).map_err(exit::Failure::configuration)
}

fn sandbox_options(cache: &std::path::Path) -> Result<danube_wasm_sandbox::SandboxOptions, exit::Failure> {
    let program = std::env::current_exe().map_err(exit::Failure::internal)?;
    let compiler = danube_wasm_sandbox::Compiler::Child {
        program,
        args: vec![COMPILE.into()],
    };
    Ok(danube_wasm_sandbox::SandboxOptions::new(cache, compiler))
}
