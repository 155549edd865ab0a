//! What a process does in its last moment is in the journal, too.

use std::{path::Path, process::Command};

use danube_wasm_faultdisk::{Disk, Spy, journal, variable};

const TRIALS: usize = 30;

/// Not a test of its own: the process that is watched. It ends while threads of it change names as fast as they can.
#[test]
#[ignore = "the process of the other test here"]
fn ends_in_the_middle() {
    let Ok(directory) = std::env::var(variable::DIRECTORY) else {
        return;
    };
    for name in ["a", "b"] {
        let (from, to) = (format!("{directory}/{name}.new"), format!("{directory}/{name}"));
        let (begun, is_begun) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            loop {
                std::fs::write(&from, name).expect("written");
                std::fs::rename(&from, &to).expect("renamed");
                let _ = begun.send(());
            }
        });
        is_begun.recv().expect("it runs");
    }
}

#[test]
fn changes_under_way_when_a_process_ends_are_written_down() {
    let program = std::env::current_exe().expect("this binary");
    let spy = Spy::build(&program).expect("the library between a process and its disk");
    for _ in 0..TRIALS {
        ends_as_its_journal_says(&spy, &program);
    }
}

fn ends_as_its_journal_says(spy: &Spy, program: &Path) {
    let directory = tempfile::tempdir().expect("a directory");
    let (disk, lines) = (directory.path().join("disk"), directory.path().join("journal"));
    std::fs::create_dir(&disk).expect("a directory");
    let mut process = Command::new(program);
    process.args(["--ignored", "--exact", "ends_in_the_middle"]);
    spy.watch(&mut process, &disk, &lines, None)
        .expect("a directory to watch");
    let output = process.output().expect("runs");
    assert!(output.status.success(), "{output:?}");
    let records = journal(&lines).expect("a journal");
    assert!(records.len() > 2, "{records:?}");
    let differs = Disk::after(&records).expect("a journal").differs_from(&disk);
    assert_eq!(differs.expect("read"), None, "after {} changes", records.len());
}
