//! Faults in what is answered: in the action, in its body, or in an answer's place.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use muster_episode::Action;

use crate::body::Body;
use crate::config::ProviderConfig;
use crate::fault::Fault;
use crate::profile::Profile;

/// Between two blank lines of the fault `keep-alive`.
const BLANK_EVERY: Duration = Duration::from_millis(250);

/// An action with a fault in it.
pub(crate) fn action(mut action: Action, fault: Option<Fault>, tools: &[&str]) -> Action {
    match fault {
        Some(Fault::UnknownTool) => action.tool_calls = vec![("no_such_tool".into(), "{}".to_owned())],
        Some(Fault::BadArguments) => {
            let name = action.tool_calls.first().map(|(name, _)| name.clone());
            let name = name.unwrap_or_else(|| tools.first().copied().unwrap_or("no_such_tool").into());
            action.tool_calls = vec![(name, "{\"path\": ".to_owned())];
        }
        Some(Fault::Empty) => action = Action::default(),
        _ => {}
    }
    action
}

/// What kind of body it is said to be.
pub(crate) fn content_type(fault: Option<Fault>) -> HeaderValue {
    HeaderValue::from_static(if fault == Some(Fault::NotJson) {
        "text/html; charset=utf-8"
    } else {
        "application/json"
    })
}

/// The body as it is sent.
pub(crate) fn deliver(body: Bytes, fault: Option<Fault>, config: &ProviderConfig) -> Body {
    let (half, rest) = (body.slice(..body.len() / 2), body.slice(body.len() / 2..));
    let blank = Bytes::from_static(b"\n\n");
    match fault {
        Some(Fault::Cut) => Body::broken(half, body.len()),
        Some(Fault::CutJson) => Body::whole(half),
        Some(Fault::NotJson) => Body::whole(Bytes::from_static(
            b"<!DOCTYPE html><html><head><title>One moment</title></head><body>Checking your browser</body></html>",
        )),
        Some(Fault::Huge) => Body::huge(),
        Some(Fault::BlankLines) => Body::pieces([blank.clone(), blank, body].map(|piece| (Duration::ZERO, piece))),
        Some(Fault::Stall) => Body::pieces([(Duration::ZERO, half), (config.stall, rest)]),
        Some(Fault::KeepAlive) => {
            let lines = config.keep_alive.as_millis().div_ceil(BLANK_EVERY.as_millis());
            let lines = (0..lines).map(|_| (BLANK_EVERY, blank.clone()));
            Body::pieces(lines.chain([(Duration::ZERO, body)]))
        }
        _ => Body::whole(body),
    }
}

impl Fault {
    /// Whether it comes in an answer's place.
    pub(crate) fn comes_before_an_answer(self) -> bool {
        matches!(self, Self::Hang | Self::ErrorIn200 | Self::ErrorInChoice)
            || self.rejection(Profile::Compatible).is_some()
    }
}
