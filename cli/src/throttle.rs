//! What waits for a limit or a budget, looked up again and again while a sweep is followed.

use std::time::Duration;

use muster_proto::v1;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::client::Client;

/// Between two looks: people read no faster, and a coordinator of many users is asked by each of them.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// See the module. It ends when it is dropped.
pub(crate) struct Throttle {
    limits: watch::Receiver<v1::LimitsResponse>,
    looking: JoinHandle<()>,
}

// === impl Throttle ===

impl Throttle {
    /// Begins to look.
    pub(crate) fn begin(client: &Client) -> Self {
        let (to, limits) = watch::channel(v1::LimitsResponse::default());
        let looking = tokio::spawn(look(client.clone(), to));
        Self { limits, looking }
    }

    /// How things stand, when they have been looked up again.
    pub(crate) async fn changed(&mut self) -> v1::LimitsResponse {
        if self.limits.changed().await.is_err() {
            // Nobody looks any more: nothing changes.
            std::future::pending::<()>().await;
        }
        self.limits.borrow_and_update().clone()
    }
}

impl Drop for Throttle {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

async fn look(mut client: Client, to: watch::Sender<v1::LimitsResponse>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        // Whoever follows the sweep tells that the coordinator is away.
        if let Ok(limits) = client.limits().await
            && to.send(limits).is_err()
        {
            return;
        }
    }
}
