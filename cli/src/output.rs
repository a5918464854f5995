//! Standard output. A reader who has seen enough (`muster show ... | head`) closes it early: that is no error.

use std::io::{self, Write as _};

use serde::Serialize;

/// Prints a text, with a line break at its end.
pub(crate) fn print(text: &str) {
    write(text.as_bytes());
    if !text.ends_with('\n') {
        write(b"\n");
    }
}

/// Prints one JSON value on one line.
pub(crate) fn print_json(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(json) => print(&json),
        // Our own types have only string keys and finite numbers.
        Err(error) => tracing::error!(%error, "a result could not be written as JSON"),
    }
}

fn write(bytes: &[u8]) {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            tracing::error!(%error, "can't write to standard output");
        }
        _ => {}
    }
}
