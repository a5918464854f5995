//! Parts of this program that are measured in processes of their own.

use std::process::{Command, Stdio};

use muster_tests::{Used, used};

const PART: &str = "MUSTER_BENCH_PART";

/// The part that this process is to run, if it is one.
pub(crate) fn requested_part() -> Option<String> {
    std::env::var(PART).ok()
}

/// Runs a part of this program in a process of its own and returns the number that it prints.
pub(crate) fn part(name: &str, arguments: &[(&str, String)]) -> Vec<f64> {
    let mut command = Command::new(std::env::current_exe().expect("this program's path"));
    command.env(PART, name).envs(arguments.iter().map(|(key, value)| (key, value)));
    let output = command.stderr(Stdio::inherit()).output().expect("a part starts");
    assert!(output.status.success(), "part {name} failed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().map(|word| word.parse().expect("a part prints numbers")).collect()
}

/// This process's own use.
pub(crate) fn own() -> Used {
    used(std::process::id())
}
