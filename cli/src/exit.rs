//! Exit codes: a part of the contract with scripts.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done; of a sweep: every job completed.
    Complete,
    /// 1: something was not done; of a sweep: some job did not complete.
    Incomplete,
    /// 2: the command, a file or the environment is wrong; nothing was started.
    BadInput,
    /// 130: the user interrupted it.
    Interrupted,
}

// === impl Exit ===

impl Exit {
    /// Complete, or not.
    pub(crate) fn of(is_complete: bool) -> Self {
        if is_complete { Self::Complete } else { Self::Incomplete }
    }

    /// Its number.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Complete => 0,
            Self::Incomplete => 1,
            Self::BadInput => 2,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_codes_are_frozen() {
        let codes = [Exit::Complete, Exit::Incomplete, Exit::BadInput, Exit::Interrupted].map(Exit::code);
        assert_eq!(codes, [0, 1, 2, 130]);
    }
}
