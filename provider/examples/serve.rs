//! The fake provider with its rehearsal player in a process of its own, for measurements: prints its address and serves
//! until it is killed.

use muster_provider::{Provider, ProviderConfig};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let latency_ms = std::env::args().nth(1).map_or(Ok(0), |word| word.parse())?;
    let latency = std::time::Duration::from_millis(latency_ms);
    let running = Provider::start(ProviderConfig { latency, ..ProviderConfig::default() }).await?;
    println!("{}", running.base_url());
    std::future::pending::<()>().await;
    Ok(())
}
