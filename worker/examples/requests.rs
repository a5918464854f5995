//! Writes the requests of every frozen conversation, of each dialect and profile, as files: so that a bed can hold them
//! against the official SDKs' own types.
//!
//!     cargo run -p muster-worker --example requests -- FOLDER
//!
//! `FOLDER/DIALECT/NAME.N.json` is the body of the Nth call, `FOLDER/DIALECT/NAME.N.answer.json` what was answered.

#[expect(dead_code, reason = "the test looks at all of a fixture, this at what is sent")]
#[path = "../tests/dialects/fixture.rs"]
mod fixture;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use fixture::Fixture;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("say where to: cargo run -p muster-worker --example requests -- FOLDER");
        return ExitCode::from(2);
    };
    match write_all(&folder) {
        Ok(files) => {
            println!("{files} requests in {}", folder.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("can't write to {}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}

fn write_all(folder: &Path) -> std::io::Result<usize> {
    let mut files = 0;
    for fixture in Fixture::all() {
        let folder = folder.join(&fixture.dialect);
        std::fs::create_dir_all(&folder)?;
        for (number, (step, turn)) in fixture.play().iter().zip(&fixture.turns).enumerate() {
            let file = |kind: &str| folder.join(format!("{}.{}{kind}.json", fixture.name, number + 1));
            std::fs::write(file(""), &step.request)?;
            std::fs::write(file(".answer"), turn.answer.get())?;
            files += 1;
        }
    }
    Ok(files)
}
