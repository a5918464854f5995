//! Ctrl-C and SIGTERM: the first asks for an orderly end, the second for a quick one, the third is obeyed at once.

use std::io;
use std::process;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Exit;

/// The signals that ask for an end.
pub(crate) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
    seen: u32,
}

/// How quickly an end is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// Finish what is in flight.
    Drain,
    /// Give up what is in flight.
    Hurry,
}

// === impl Interrupts ===

impl Interrupts {
    /// Listens from now on: the signals no longer end the process by themselves.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            seen: 0,
        })
    }

    /// Waits for the next one. The third ends the process.
    pub(crate) async fn next(&mut self) -> Urgency {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        self.seen += 1;
        match self.seen {
            1 => Urgency::Drain,
            2 => Urgency::Hurry,
            // The journal is made for this: what was acknowledged is safe.
            _ => process::exit(i32::from(Exit::Interrupted.code())),
        }
    }

    /// Whether any has come.
    pub(crate) fn any(&self) -> bool {
        self.seen > 0
    }
}
