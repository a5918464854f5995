//! What can go wrong before the fake provider serves.

use std::net::SocketAddr;

/// The fake provider can't be started as asked.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The address can't be listened on.
    #[error("can't listen on {address}: {problem}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        problem: std::io::Error,
    },
    /// A fault of no known name was asked for.
    #[error("there is no fault {name:?}; known are {known}")]
    UnknownFault {
        /// The name as given.
        name: String,
        /// All names, with commas.
        known: String,
    },
    /// A fault plan's entry is not of the form `NAME=RATE`.
    #[error(
        "{entry:?} is no fault with its rate: write NAME=RATE, with a rate from 0 to 1, such as cut=0.05"
    )]
    BadFault {
        /// The entry as given.
        entry: String,
    },
    /// The rates of all faults together are more than every call.
    #[error("the rates of all faults add up to {sum}, which is more than 1")]
    TooManyFaults {
        /// Their sum.
        sum: f64,
    },
}
