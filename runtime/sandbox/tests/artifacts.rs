//! Compiling in a child, and trusting only what this installation compiled.

mod support;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use danube_wasm_model::door::SourceGuest;
use danube_wasm_sandbox::{CompileError, CompileLimits, CompileTier, Compiler, LoadError, Sandbox, TracingHost};
use support::{Guest, child, events, options, spec};

async fn load(cache: &Path, compiler: Compiler, component: Arc<[u8]>) -> Result<(), LoadError> {
    load_with(cache, compiler, CompileLimits::default(), component).await
}

async fn load_with(
    cache: &Path,
    compiler: Compiler,
    compile: CompileLimits,
    component: Arc<[u8]>,
) -> Result<(), LoadError> {
    let mut options = options(cache, compiler);
    options.compile = compile;
    let sandbox = Sandbox::try_new(options).expect("a sandbox");
    let source = sandbox.load_source(spec(component), Arc::new(TracingHost)).await?;
    source.poll(0, events(&["a"])).await.expect("it answers");
    Ok(())
}

/// A compiler that is not there: whatever loads with it was not compiled.
fn none() -> Compiler {
    Compiler::Child {
        program: "/no/such/program".into(),
        args: Vec::new(),
    }
}

/// The compiling child, which leaves a line in `log` each time it is started.
fn counted(log: &Path) -> Compiler {
    let program = env!("CARGO_BIN_EXE_danube-wasm-compile");
    Compiler::Child {
        program: "/bin/sh".into(),
        args: vec![
            "-c".into(),
            format!("echo started >> '{}'; exec '{program}'", log.display()),
        ],
    }
}

/// One function of many small blocks: cheap to write down, dear to compile.
fn expensive_component() -> Guest {
    let mut items = format!("(func (export \"f\") {}", "(local i32)".repeat(50));
    for i in 0..200_000 {
        let (test, set, a, b) = (i % 50, i * 7 % 50, i * 3 % 50, i * 11 % 50);
        items += &format!("(if (local.get {test}) (then (local.set {set} (i32.mul (local.get {a}) (local.get {b})))))");
    }
    items.push(')');
    Guest {
        items: items.leak(),
        ..Default::default()
    }
}

fn artifacts(cache: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(cache).expect("the cache");
    let paths = files.map(|file| file.expect("a file").path());
    paths
        .filter(|path| path.extension().is_some_and(|e| e == "cwasm"))
        .collect()
}

/// Puts other bytes where an artifact was; it cannot be written to.
fn replace(path: &Path, bytes: Vec<u8>) {
    fs::remove_file(path).expect("removed");
    fs::write(path, bytes).expect("written");
}

/// A component as large as one with a language runtime: functions, and a mebibyte of data. `answer` is where its answers
/// are.
fn large_component(answer: u32) -> Arc<[u8]> {
    let functions =
        (0..200).map(|i| format!("(func (export \"f{i}\") (result i32) (i32.add (i32.const {i}) (i32.const 1)))"));
    let guest = Guest {
        memory: "40 256",
        items: functions.collect::<String>().leak(),
        data: format!("(data (i32.const 1048576) \"{}\")", "x".repeat(1 << 20)),
        ..Guest::polling(format!("(i32.const {answer})"))
    };
    guest.source()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

#[tokio::test]
async fn a_component_is_compiled_once_and_kept_private() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = dir.path().join("cache");
    let component = Guest::default().source();
    load(&cache, child(), component.clone()).await.expect("compiled");
    load(&cache, none(), component).await.expect("from the cache");
    let [artifact] = artifacts(&cache).try_into().expect("one artifact");
    assert_eq!(mode(&cache), 0o700);
    assert_eq!(mode(&cache.join("key")), 0o600);
    assert_eq!(mode(&artifact), 0o400);
}

#[tokio::test]
async fn loading_one_component_many_times_at_once_compiles_it_once() {
    let cache = tempfile::tempdir().expect("a directory");
    let log = cache.path().join("starts");
    let sandbox = Sandbox::try_new(options(cache.path(), counted(&log))).expect("a sandbox");
    let component = Guest::default().source();
    let load = || sandbox.load_source(spec(component.clone()), Arc::new(TracingHost));
    let (a, b, c) = tokio::join!(load(), load(), load());
    let digests = [a, b, c].map(|source| source.expect("it loads").digest().to_owned());
    assert!(digests.iter().all(|digest| *digest == digests[0]));
    assert_eq!(fs::read_to_string(&log).expect("the log"), "started\n");
}

#[tokio::test]
async fn a_changed_artifact_is_refused_and_made_again() {
    let cache = tempfile::tempdir().expect("a directory");
    let component = Guest::default().source();
    load(cache.path(), child(), component.clone()).await.expect("compiled");
    let [artifact] = artifacts(cache.path()).try_into().expect("one artifact");
    let good = fs::read(&artifact).expect("the artifact");

    let mut in_the_code = good.clone();
    in_the_code[good.len() / 2] ^= 1;
    let mut in_the_tag = good.clone();
    in_the_tag[good.len() - 1] ^= 1;
    for bad in [
        in_the_code,
        in_the_tag,
        good[..good.len() - 1].to_vec(),
        good[..10].to_vec(),
        Vec::new(),
    ] {
        replace(&artifact, bad);
        let refused = load(cache.path(), none(), component.clone()).await;
        assert!(
            matches!(refused, Err(LoadError::Compile(CompileError::Unavailable { .. }))),
            "{refused:?}"
        );
        assert!(!artifact.exists(), "it is removed");
        load(cache.path(), child(), component.clone())
            .await
            .expect("compiled again");
        assert_eq!(fs::read(&artifact).expect("the artifact").len(), good.len());
    }
}

#[tokio::test]
async fn an_artifact_under_another_components_name_is_refused() {
    let cache = tempfile::tempdir().expect("a directory");
    let honest = Guest::default().source();
    load(cache.path(), child(), honest.clone()).await.expect("compiled");
    let [artifact] = artifacts(cache.path()).try_into().expect("one artifact");
    let good = fs::read(&artifact).expect("the artifact");

    let other = Guest::polling("(i32.const 1280)").source();
    load(cache.path(), child(), other.clone()).await.expect("compiled");
    let mut both = artifacts(cache.path());
    both.retain(|path| *path != artifact);
    replace(&both[0], good);
    let refused = load(cache.path(), none(), other).await;
    assert!(matches!(refused, Err(LoadError::Compile(_))), "{refused:?}");
}

#[tokio::test]
async fn an_artifact_of_another_installation_is_refused() {
    let (here, there) = (
        tempfile::tempdir().expect("a directory"),
        tempfile::tempdir().expect("a directory"),
    );
    let component = Guest::default().source();
    load(there.path(), child(), component.clone()).await.expect("compiled");
    let [artifact] = artifacts(there.path()).try_into().expect("one artifact");
    fs::copy(&artifact, here.path().join(artifact.file_name().expect("a name"))).expect("copied");
    let refused = load(here.path(), none(), component).await;
    assert!(matches!(refused, Err(LoadError::Compile(_))), "{refused:?}");
}

#[tokio::test]
async fn a_key_that_others_can_read_or_that_is_damaged_is_not_used() {
    let cache = tempfile::tempdir().expect("a directory");
    let key = cache.path().join("key");
    let start = || Sandbox::try_new(options(cache.path(), none())).map(|_| ());
    start().expect("a key is made");
    start().expect("the same key is read");

    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).expect("changed");
    let said = start().expect_err("refused").to_string();
    assert!(said.contains("can be read by others (mode 640)"), "{said}");

    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("changed");
    fs::write(&key, [0; 31]).expect("written");
    let said = start().expect_err("refused").to_string();
    assert!(said.contains("31 bytes instead of 32"), "{said}");
    fs::remove_file(&key).expect("as the sentence says");
    start().expect("a new one is made");
}

#[tokio::test]
async fn what_was_unused_longest_makes_room() {
    let cache = tempfile::tempdir().expect("a directory");
    let tight = CompileLimits {
        cache_bytes_max: 1,
        ..Default::default()
    };
    for guest in [Guest::default(), Guest::polling("(i32.const 1280)")] {
        let component = guest.source();
        load_with(cache.path(), child(), tight, component.clone())
            .await
            .expect("compiled");
        assert_eq!(artifacts(cache.path()).len(), 1, "the newest stays");
        load_with(cache.path(), none(), tight, component)
            .await
            .expect("from the cache");
    }
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_does_not_stop_anything() {
    let cache = tempfile::tempdir().expect("a directory");
    let sandbox = Sandbox::try_new(options(cache.path(), child())).expect("a sandbox");
    fs::remove_dir_all(cache.path()).expect("removed");
    let source = sandbox
        .load_source(spec(Guest::default().source()), Arc::new(TracingHost))
        .await;
    source.expect("compiled, though not kept");
}

#[tokio::test]
async fn a_child_over_its_memory_is_stopped_and_the_limit_named() {
    let cache = tempfile::tempdir().expect("a directory");
    let tight = CompileLimits {
        memory_bytes_max: 64 << 20,
        ..Default::default()
    };
    let error = load_with(cache.path(), child(), tight, expensive_component().source()).await;
    match error {
        Err(LoadError::Compile(CompileError::Limit { file, limit })) => {
            assert_eq!(file, "guest.wasm");
            assert!(
                limit.contains("67108864 bytes of memory (`memory_bytes_max`)"),
                "{limit}"
            );
        }
        other => panic!("{other:?}"),
    }
    assert!(artifacts(cache.path()).is_empty());
}

#[tokio::test]
async fn a_child_over_its_cpu_time_is_stopped_and_the_limit_named() {
    let cache = tempfile::tempdir().expect("a directory");
    let tight = CompileLimits {
        cpu_s_max: 1,
        ..Default::default()
    };
    match load_with(cache.path(), child(), tight, expensive_component().source()).await {
        Err(LoadError::Compile(CompileError::Limit { limit, .. })) => {
            assert!(limit.contains("1 s of CPU time (`cpu_s_max`)"), "{limit}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_child_that_hangs_crashes_or_is_not_there_is_told_apart() {
    let cache = tempfile::tempdir().expect("a directory");
    let component = Guest::default().source();
    let program = |program: &str, arg: &str| Compiler::Child {
        program: program.into(),
        args: vec![arg.into()],
    };
    let short = CompileLimits {
        wall_max: Duration::from_millis(50),
        ..Default::default()
    };
    let hung = load_with(cache.path(), program("/bin/sleep", "3600"), short, component.clone()).await;
    match hung {
        Err(LoadError::Compile(CompileError::Limit { limit, .. })) => assert!(limit.contains("wall_max"), "{limit}"),
        other => panic!("{other:?}"),
    }
    let crashed = load(cache.path(), program("/bin/sh", "-ckill -SEGV $$"), component.clone()).await;
    assert!(
        matches!(crashed, Err(LoadError::Compile(CompileError::Crashed { .. }))),
        "{crashed:?}"
    );
    let absent = load(cache.path(), none(), component).await.expect_err("absent");
    assert!(absent.is_transient());
    assert!(
        absent.to_string().contains("starting `/no/such/program` failed"),
        "{absent}"
    );
}

#[tokio::test]
async fn a_component_that_is_damaged_inside_is_refused_by_the_compiler() {
    let cache = tempfile::tempdir().expect("a directory");
    let text = r#"(component
        (instance $i) (export "danube:connector/source@0.1.0" (instance $i))
        (core module (func (result i32) (i64.const 0))))"#;
    let bytes = wat::parse_str(text).expect("a component");
    match load(cache.path(), child(), bytes.into()).await {
        Err(LoadError::Compile(CompileError::Invalid { file, message })) => {
            assert_eq!(file, "guest.wasm");
            assert!(message.contains("type mismatch"), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_artifact_is_mapped_and_not_copied() {
    let cache = tempfile::tempdir().expect("a directory");
    let component = Guest::default().source();
    load(cache.path(), child(), component.clone()).await.expect("compiled");
    let [artifact] = artifacts(cache.path()).try_into().expect("one artifact");
    let is_mapped = || {
        let maps = fs::read_to_string("/proc/self/maps").expect("the maps");
        let lines = maps.lines().filter(|line| line.contains(&*artifact.to_string_lossy()));
        lines.filter(|line| line.contains(" r-xp ")).count() > 0
    };
    let sandbox = Sandbox::try_new(options(cache.path(), none())).expect("a sandbox");
    let source = sandbox.load_source(spec(component), Arc::new(TracingHost)).await;
    let source = source.expect("from the cache");
    assert!(is_mapped(), "its code is run from the file");
    // Whatever has the name by now, the code is that of the file that was checked.
    replace(&artifact, vec![0; 1 << 20]);
    source.poll(0, events(&["a"])).await.expect("it answers");
}

#[tokio::test]
async fn an_artifact_that_others_can_change_is_refused() {
    let cache = tempfile::tempdir().expect("a directory");
    let component = Guest::default().source();
    load(cache.path(), child(), component.clone()).await.expect("compiled");
    let [artifact] = artifacts(cache.path()).try_into().expect("one artifact");
    fs::set_permissions(&artifact, fs::Permissions::from_mode(0o620)).expect("changed");
    let refused = load(cache.path(), none(), component.clone()).await;
    assert!(matches!(refused, Err(LoadError::Compile(_))), "{refused:?}");
    assert!(!artifact.exists(), "it is removed");

    load(cache.path(), child(), component.clone())
        .await
        .expect("compiled again");
    let elsewhere = cache.path().join("elsewhere");
    fs::rename(&artifact, &elsewhere).expect("moved");
    std::os::unix::fs::symlink(&elsewhere, &artifact).expect("a link");
    let refused = load(cache.path(), none(), component).await;
    assert!(matches!(refused, Err(LoadError::Compile(_))), "{refused:?}");
}

#[tokio::test]
async fn functions_of_earlier_components_are_used_again_if_this_installation_left_them() {
    let cache = tempfile::tempdir().expect("a directory");
    let reused = async |answer: u32| {
        let sandbox = Sandbox::try_new(options(cache.path(), child())).expect("a sandbox");
        let source = sandbox.load_source(spec(large_component(answer)), Arc::new(TracingHost));
        let source = source.await.expect("it loads");
        source.poll(0, events(&["a"])).await.expect("it answers");
        sandbox.usage().reused_functions
    };
    let packs = || {
        let files = fs::read_dir(cache.path()).expect("the cache");
        let paths = files.map(|file| file.expect("a file").path());
        paths
            .filter(|path| path.extension().is_some_and(|e| e == "functions"))
            .collect::<Vec<_>>()
    };
    assert_eq!(reused(support::ZEROS).await, 0, "the first of its kind");
    let [pack] = packs().try_into().expect("one pack");
    assert_eq!(mode(&pack), 0o400);
    assert!(reused(support::ZEROS + 4).await >= 200, "all functions but one");
    let own: u64 = packs()
        .iter()
        .filter(|path| **path != pack)
        .map(|path| fs::metadata(path).expect("a file").len())
        .sum();
    assert!(
        own < fs::metadata(&pack).expect("a file").len() / 10,
        "only what is new is kept again"
    );

    let mut changed = fs::read(&pack).expect("the pack");
    changed[100] ^= 1;
    for path in packs() {
        replace(&path, changed.clone());
    }
    assert_eq!(reused(support::ZEROS + 8).await, 0, "what was changed is not used");
    assert!(!pack.exists(), "it is removed");
}

#[tokio::test]
async fn small_components_are_compiled_without_looking_functions_up() {
    let cache = tempfile::tempdir().expect("a directory");
    load(cache.path(), child(), Guest::default().source())
        .await
        .expect("compiled");
    let names = fs::read_dir(cache.path())
        .expect("the cache")
        .map(|file| file.expect("a file").file_name());
    assert_eq!(names.count(), 2, "the key and the artifact");
}

#[tokio::test]
async fn tiers_compile_the_same_component_each_for_itself() {
    let cache = tempfile::tempdir().expect("a directory");
    let component = large_component(support::ZEROS);
    let load = async |tier, compiler| {
        let mut options = options(cache.path(), compiler);
        options.tier = tier;
        let sandbox = Sandbox::try_new(options).expect("a sandbox");
        let source = sandbox
            .load_source(spec(component.clone()), Arc::new(TracingHost))
            .await?;
        source.poll(0, events(&["a"])).await.expect("it answers");
        Ok::<_, LoadError>(())
    };
    load(CompileTier::Baseline, child()).await.expect("compiled");
    assert_eq!(artifacts(cache.path()).len(), 1);
    let other = load(CompileTier::Optimized, none()).await;
    assert!(
        matches!(other, Err(LoadError::Compile(_))),
        "it is not the same code: {other:?}"
    );
    load(CompileTier::Optimized, child()).await.expect("compiled");
    assert_eq!(artifacts(cache.path()).len(), 2);
    for tier in [CompileTier::Baseline, CompileTier::Optimized] {
        load(tier, none()).await.expect("from the cache");
    }
}
