//! What a process has used, as the kernel counts it.

/// Kilobytes to megabytes, as the kernel counts.
const KB_A_MB: f64 = 1_024.0;

/// Clock ticks a second in /proc, on every Linux.
const TICKS_A_SECOND: f64 = 100.0;

/// What a process has used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Used {
    /// Seconds of processor time, user and system.
    pub cpu_s: f64,
    /// The most memory that was resident, in megabytes.
    pub peak_mb: f64,
    /// The memory that is resident, in megabytes.
    pub resident_mb: f64,
}

/// What a process has used so far; nothing if there is none of this id.
#[must_use]
pub fn used(id: u32) -> Used {
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
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            cpu_s: self.cpu_s + other.cpu_s,
            peak_mb: self.peak_mb + other.peak_mb,
            resident_mb: self.resident_mb + other.resident_mb,
        }
    }
}
