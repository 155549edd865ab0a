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
        args::Verb::Check(check) => verbs::check::check(&check),
        args::Verb::Migrate(migrate) => verbs::migrate::migrate(&migrate),
        args::Verb::Build(build) => verbs::build::build(&build),
        args::Verb::Inspect(inspect) => verbs::inspect::inspect(&inspect),
        args::Verb::Query(query) => verbs::query::query(&query),
        args::Verb::Health(health) => verbs::health::health(&health),
        args::Verb::Broker(broker) => verbs::broker::broker(&broker),
        args::Verb::Topics(topics) => verbs::topics::topics(topics),
        args::Verb::Subscriptions(subscriptions) => verbs::topics::subscriptions(subscriptions),
        args::Verb::Dlq(dlq) => verbs::dlq::dlq(dlq),
        args::Verb::Replay(replay) => verbs::replay::replay(&replay),
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
    let program = std::env::current_exe().map_err(exit::Failure::internal)?;
    let compiler = danube_wasm_sandbox::Compiler::Child {
        program,
        args: vec![COMPILE.into()],
    };
    danube_wasm_sandbox::Sandbox::try_new(danube_wasm_sandbox::SandboxOptions::new(cache, compiler))
        .map_err(exit::Failure::configuration)
}
