//! Answers without a socket, for tests in virtual time.

use std::collections::VecDeque;

use super::*;

/// What comes of each request in turn, and how long after it.
pub(crate) struct Script(Mutex<VecDeque<(Duration, Result<Answer, HttpError>)>>);

impl Script {
    pub(super) async fn next(&self) -> Result<Answer, HttpError> {
        let next = self.0.lock().expect("script").pop_front();
        let (after, what) = next.expect("a request that the script does not know");
        tokio::time::sleep(after).await;
        what
    }

    pub(crate) fn left(&self) -> usize {
        self.0.lock().expect("script").len()
    }
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Script")
    }
}

pub(crate) fn endpoint(
    script: impl IntoIterator<Item = (Duration, Result<Answer, HttpError>)>,
) -> (Endpoint, Arc<Script>) {
    let script = Arc::new(Script(Mutex::new(script.into_iter().collect())));
    (
        Endpoint { way: Way::Scripted(Arc::clone(&script)), headers: HeaderMap::new(), request_id: None },
        script,
    )
}

pub(crate) fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Result<Answer, HttpError> {
    let headers = headers
        .iter()
        .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().expect("a header")))
        .collect();
    let status = StatusCode::from_u16(status).expect("a status");
    Ok(Answer { status, headers, body: Bytes::copy_from_slice(body.as_bytes()) })
}

pub(crate) fn fault(fault: Fault) -> Result<Answer, HttpError> {
    Err(HttpError { fault, message: "as scripted".to_owned() })
}
