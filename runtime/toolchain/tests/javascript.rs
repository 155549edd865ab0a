//! Folders in JavaScript and TypeScript, without the host: what they hold, what is missing, and what the build says of `[build]`.

use std::{fs, path::Path};

use danube_wasm_toolchain::{BuildError, Kind, Language, NewConnector, Project, Scaffold, toolchain};

fn folder(directory: &Path, kind: Kind, language: Language) -> Project {
    let directory = directory.join("demo");
    let new = NewConnector {
        directory: directory.clone(),
        kind,
        language,
        from: None,
    };
    let scaffold = Scaffold::write(&new).expect("a folder");
    scaffold.keep().expect("in its place");
    Project::read(&directory).expect("a connector")
}

fn refused(project: &Project) -> String {
    let error = toolchain(project.language).build(project).expect_err("refused");
    assert!(matches!(error, BuildError::Project(_)), "{error:?}");
    error.to_string()
}

#[test]
fn a_folder_has_the_sdk_and_the_lock_under_its_own_name() {
    for language in [Language::JavaScript, Language::TypeScript] {
        let dir = tempfile::tempdir().expect("a directory");
        let project = folder(dir.path(), Kind::Sink, language);
        let read =
            |file: &str| fs::read_to_string(project.directory.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        for file in ["package.json", "package-lock.json"] {
            let json: serde_json::Value = serde_json::from_str(&read(file)).expect("JSON");
            assert_eq!(json["name"], "demo", "{file}");
        }
        assert!(
            !read("package-lock.json").contains("\"resolved\": \"http"),
            "a registry's name is in the lock"
        );
        for file in [
            "package.json",
            "README.md",
            "src/index.d.ts",
            "tools/build.js",
            "wit/deps/danube-connector/types.wit",
        ] {
            read(&format!("vendor/danube-connector/{file}"));
        }
    }
}

#[test]
fn what_is_wrong_in_the_table_build_is_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut project = folder(dir.path(), Kind::Source, Language::JavaScript);
    project.build = toml::toml! { engine = "v8" };
    assert!(refused(&project).contains("`v8` is not one of quickjs, starlingmonkey"));
    project.build = toml::toml! { motor = "quickjs" };
    assert!(
        refused(&project).contains("unknown field `motor`"),
        "{}",
        refused(&project)
    );
    project.build = toml::toml! { entry = "src/other.js" };
    assert!(refused(&project).contains("src/other.js is not there"));
}

#[test]
fn packages_that_are_not_there_are_told_with_one_command() {
    let dir = tempfile::tempdir().expect("a directory");
    let project = folder(dir.path(), Kind::Source, Language::TypeScript);
    let missing = toolchain(project.language).missing(&project);
    let packages = missing.last().expect("no packages");
    assert!(
        packages
            .what
            .ends_with("danube-connector, componentize-qjs, rolldown, typescript")
    );
    assert!(packages.install.ends_with("npm ci"), "{}", packages.install);
    fs::remove_file(project.directory.join("package-lock.json")).expect("a lock");
    let missing = toolchain(project.language).missing(&project);
    assert!(missing.last().expect("no packages").install.ends_with("npm install"));
}

/// `node_modules` of the folder, as `npm ci` would install it. False if the packages are not there.
fn link_packages(project: &Project) -> bool {
    let Some(packages) = danube_wasm_testkit::servers::node_modules("toolchain") else {
        return false;
    };
    let modules = project.directory.join("node_modules");
    fs::create_dir(&modules).expect("a folder");
    for package in fs::read_dir(packages).expect("packages") {
        let package = package.expect("a package");
        std::os::unix::fs::symlink(package.path(), modules.join(package.file_name())).expect("a link");
    }
    std::os::unix::fs::symlink("../vendor/danube-connector", modules.join("danube-connector")).expect("a link");
    true
}

#[test]
fn every_folder_builds_as_it_stands() {
    for language in [Language::JavaScript, Language::TypeScript] {
        for &kind in Kind::ALL {
            let dir = tempfile::tempdir().expect("a directory");
            let project = folder(dir.path(), kind, language);
            if !link_packages(&project) {
                return;
            }
            let component = toolchain(language).build(&project).expect("a component");
            let bytes = fs::read(&component).expect("a file");
            // A component's first bytes: those of a module have 1 where this has 13.
            assert_eq!(&bytes[..8], b"\0asm\x0d\0\x01\0", "{language} {kind}");
        }
    }
}
