//! Compiles the protos with `protox`: no `protoc` needs to be installed.

use std::error::Error;
use std::path::PathBuf;

use prost::Message as _;

const FILES: [&str; 3] = ["muster/v1/common.proto", "muster/v1/work.proto", "muster/v1/control.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    for file in FILES {
        println!("cargo:rerun-if-changed={file}");
    }
    let descriptors = protox::compile(FILES, ["."])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("muster.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().bytes(".").compile_fds(descriptors)?;
    Ok(())
}
