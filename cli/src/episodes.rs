//! A sweep's ended episodes, one after the other. One whose turns are damaged in the store must not hide those after it:
//! it is named, passed over, and the reading goes on behind it.

use muster_proto::v1;
use tonic::{Code, Status, Streaming};

use crate::client::Client;
use crate::dossier::Ended;
use crate::failure::Failure;

/// See the module.
pub(crate) struct Episodes {
    client: Client,
    request: v1::ExportRequest,
    stream: Streaming<v1::Episode>,
    last: Option<v1::Job>,
}

/// One episode read.
#[derive(Debug)]
pub(crate) enum Read {
    /// As it was asked for.
    Whole(Ended),
    /// Without its turns: they can't be read, for this reason.
    Damaged(Ended, String),
}

// === impl Episodes ===

impl Episodes {
    /// Begins to read.
    pub(crate) async fn begin(client: &Client, request: v1::ExportRequest) -> Result<Self, Failure> {
        let mut client = client.clone();
        let last = request.after;
        let stream = client.export(request).await?;
        Ok(Self { client, request, stream, last })
    }

    /// The next one, if there is one more.
    pub(crate) async fn next(&mut self) -> Result<Option<Read>, Failure> {
        match self.whole().await {
            Ok(Some(episode)) => {
                self.last = episode.lease.and_then(|lease| lease.job).or(self.last);
                Ended::try_from(episode).map(|ended| Some(Read::Whole(ended)))
            }
            Ok(None) => Ok(None),
            Err(status) if self.request.turns && is_damage(&status) => self.pass_over(&status).await,
            Err(status) => Err(status.into()),
        }
    }

    /// The next episode with all its turns: a long one comes in several messages.
    async fn whole(&mut self) -> Result<Option<v1::Episode>, Status> {
        let Some(mut episode) = self.stream.message().await? else { return Ok(None) };
        while episode.more {
            let cut = || Status::data_loss("an episode's turns ended in the middle");
            let part = self.stream.message().await?.ok_or_else(cut)?;
            episode.more = part.more;
            episode.turns.extend(part.turns);
        }
        Ok(Some(episode))
    }

    /// Names the episode that could not be sent, and goes on behind it.
    async fn pass_over(&mut self, status: &Status) -> Result<Option<Read>, Failure> {
        let without_turns = v1::ExportRequest { turns: false, after: self.last, ..self.request };
        let Some(episode) = self.client.export(without_turns).await?.message().await? else {
            return Err(status.clone().into());
        };
        let ended = Ended::try_from(episode.clone())?;
        self.last = episode.lease.and_then(|lease| lease.job);
        let behind = v1::ExportRequest { after: self.last, ..self.request };
        self.stream = self.client.export(behind).await?;
        Ok(Some(Read::Damaged(ended, status.message().to_owned())))
    }
}

fn is_damage(status: &Status) -> bool {
    matches!(status.code(), Code::DataLoss | Code::Internal)
}
