//! Any bytes, read as an answer of OpenAI Chat and sent back.

#![no_main]

#[path = "../../../worker/tests/dialects/echo.rs"]
mod echo;

use std::sync::LazyLock;

use echo::Echo;
use libfuzzer_sys::fuzz_target;
use muster_worker::DialectKind;

static ECHO: LazyLock<Echo> = LazyLock::new(|| Echo::new(DialectKind::OpenAiChat));

fuzz_target!(|answer: &[u8]| {
    let _ = ECHO.survive(answer);
});
