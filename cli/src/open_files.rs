//! Open files: each call to a provider is a connection, and systems allow 1,024 at first, for the sake of programs from
//! before `poll`. We may take as many as the system's owner allows, and do.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises this process's limit to what it may have.
pub(crate) fn raise_limit() {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    if soft < hard
        && let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
    {
        tracing::debug!(%error, soft, hard, "the limit of open files stays as it is");
    }
}
