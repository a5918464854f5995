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
    /// A profile of no known name was asked for.
    #[error("there is no profile {name:?}; known are {known}")]
    UnknownProfile {
        /// The name as given.
        name: String,
        /// All names, with commas.
        known: String,
    },
    /// A size of calls is not of the form `MIN..MAX`.
    #[error("{text:?} is no number of tokens: write one, such as 500, or a range, such as 200..20000")]
    BadSpan {
        /// As given.
        text: String,
    },
    /// A price is not of the form `INPUT,CACHED,OUTPUT`.
    #[error(
        "{text:?} is no price: write dollars for a million tokens of input, cached input and output, such as 1.75,0.175,14"
    )]
    BadPrice {
        /// As given.
        text: String,
    },
    /// A fault plan's entry is neither of the form `NAME=RATE` nor `NAME@N`.
    #[error(
        "{entry:?} is no fault with its rate: write NAME=RATE, with a rate from 0 to 1, such as cut=0.05, or NAME@N for the \
         Nth request, such as hang@3"
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
