//! The fake provider with its rehearsal player in a process of its own, for measurements: prints its address and serves
//! until it is killed. `serve [LATENCY_MS [PROFILE [think]]]`.

use muster_provider::{Provider, ProviderConfig};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let latency_ms = words.next().map_or(Ok(0), |word| word.parse())?;
    let profile = words.next().map_or_else(|| Ok(ProviderConfig::default().profile), |word| word.parse())?;
    let config = ProviderConfig {
        latency: std::time::Duration::from_millis(latency_ms),
        profile,
        always_think: words.next().as_deref() == Some("think"),
        ..ProviderConfig::default()
    };
    let running = Provider::start(config).await?;
    println!("{}", running.base_url());
    std::future::pending::<()>().await;
    Ok(())
}
