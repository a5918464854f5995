//! Logs: structured, on stderr, quiet unless asked.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::arguments::LogFormat;
use crate::progress;

/// The variables that set what is logged, the first that is set counts.
const VARIABLES: [&str; 2] = ["MUSTER_LOG", "RUST_LOG"];

/// Our own crates, for a level that is meant for Muster and not for every library beneath it.
const OURS: [&str; 5] = ["muster", "muster_coordinator", "muster_store", "muster_worker", "muster_provider"];

/// Begins to log. `level` is what our own crates log where no variable says otherwise.
pub(crate) fn begin(format: LogFormat, level: &str) {
    let builder = tracing_subscriber::fmt().with_env_filter(filter(level)).with_writer(Stderr);
    let begun = match format {
        LogFormat::Json => builder.json().flatten_event(true).finish().try_init(),
        LogFormat::Text => {
            let ansi = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            builder.with_ansi(ansi).with_target(false).finish().try_init()
        }
    };
    // A logger that is there already (in tests) is as good.
    drop(begun);
}

fn filter(level: &str) -> EnvFilter {
    let asked =
        VARIABLES.iter().find_map(|variable| std::env::var(variable).ok().filter(|value| !value.is_empty()));
    let directives = asked.unwrap_or_else(|| {
        let ours: Vec<String> = OURS.iter().map(|name| format!("{name}={level}")).collect();
        format!("warn,{}", ours.join(","))
    });
    EnvFilter::try_new(&directives).unwrap_or_else(|error| {
        eprintln!("warning: MUSTER_LOG or RUST_LOG can't be understood ({error}); logging warnings");
        EnvFilter::new("warn")
    })
}

/// Writes to stderr with the progress bars out of the way.
#[derive(Debug, Clone, Copy)]
struct Stderr;

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = LogLine;

    fn make_writer(&'a self) -> Self::Writer {
        LogLine(Vec::new())
    }
}

/// One log line, written as a whole when it is complete.
struct LogLine(Vec<u8>);

impl std::io::Write for LogLine {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for LogLine {
    fn drop(&mut self) {
        progress::aside(|| {
            // A closed stderr is no reason to stop working.
            drop(std::io::Write::write_all(&mut std::io::stderr(), &self.0));
        });
    }
}
