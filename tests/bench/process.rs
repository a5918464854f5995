//! Processes under measurement: this program's own parts, and `muster`.

use std::process::{Command, Stdio};

const PART: &str = "MUSTER_BENCH_PART";

/// Kilobytes to megabytes, as the kernel counts.
const KB_A_MB: f64 = 1_024.0;

/// Clock ticks a second in /proc, on every Linux.
const TICKS_A_SECOND: f64 = 100.0;

/// What a process has used.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Used {
    /// Seconds of processor time, user and system.
    pub(crate) cpu_s: f64,
    /// The most memory that was resident, in megabytes.
    pub(crate) peak_mb: f64,
    /// The memory that is resident, in megabytes.
    pub(crate) resident_mb: f64,
}

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

/// What a process has used so far.
pub(crate) fn used(id: u32) -> Used {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let megabytes = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0) / KB_A_MB
    };
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    Used {
        cpu_s: (ticks(11) + ticks(12)) / TICKS_A_SECOND,
        peak_mb: megabytes("VmHWM:"),
        resident_mb: megabytes("VmRSS:"),
    }
}

// === impl Used ===

impl Used {
    /// What two processes have used together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            cpu_s: self.cpu_s + other.cpu_s,
            peak_mb: self.peak_mb + other.peak_mb,
            resident_mb: self.resident_mb + other.resident_mb,
        }
    }
}
