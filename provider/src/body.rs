//! A body, sound or not.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep};

/// What a huge answer comes to: more than anyone should be willing to read.
const HUGE_ANSWER_BYTES: usize = 50 * 1024 * 1024;

/// One piece of it.
const HUGE_PIECE: &[u8] = &[b'x'; 64 * 1024];

/// What is sent after the head.
pub(crate) enum Body {
    /// All in one piece.
    Whole(Option<Bytes>),
    /// The first piece, then the connection breaks; the length promised is more.
    Broken { piece: Option<Bytes>, promised: u64, flushed: bool },
    /// Some pieces, of unannounced length, each after its pause.
    Pieces { pieces: VecDeque<(Duration, Bytes)>, pause: Option<Pin<Box<Sleep>>> },
    /// A JSON text that does not end for 50 MB.
    Huge { left: usize },
}

/// The connection is to break.
#[derive(Debug)]
pub(crate) struct Break;

// === impl Body ===

impl Body {
    pub(crate) fn whole(body: Bytes) -> Self {
        Self::Whole(Some(body))
    }

    pub(crate) fn broken(piece: Bytes, promised: usize) -> Self {
        Self::Broken { piece: Some(piece), promised: promised as u64, flushed: false }
    }

    pub(crate) fn pieces(pieces: impl IntoIterator<Item = (Duration, Bytes)>) -> Self {
        Self::Pieces { pieces: pieces.into_iter().collect(), pause: None }
    }

    pub(crate) fn huge() -> Self {
        Self::Huge { left: HUGE_ANSWER_BYTES }
    }

    fn huge_piece(left: &mut usize) -> Option<Bytes> {
        let piece = match *left {
            0 => return None,
            HUGE_ANSWER_BYTES => {
                Bytes::from_static(b"{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"")
            }
            _ => Bytes::from_static(HUGE_PIECE),
        };
        *left = left.saturating_sub(piece.len());
        Some(piece)
    }
}

fn next_piece(
    pieces: &mut VecDeque<(Duration, Bytes)>,
    pause: &mut Option<Pin<Box<Sleep>>>,
    context: &mut Context<'_>,
) -> Poll<Option<Bytes>> {
    let Some((wait, _)) = pieces.front() else { return Poll::Ready(None) };
    if !wait.is_zero() {
        let sleep = pause.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + *wait)));
        ready!(sleep.as_mut().poll(context));
        *pause = None;
    }
    Poll::Ready(pieces.pop_front().map(|(_, piece)| piece))
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Break;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Break>>> {
        let piece = match &mut *self {
            Self::Whole(piece) => piece.take(),
            Self::Pieces { pieces, pause } => ready!(next_piece(pieces, pause, context)),
            Self::Huge { left } => Self::huge_piece(left),
            Self::Broken { piece, flushed, .. } => match piece.take() {
                Some(piece) => Some(piece),
                None if *flushed => return Poll::Ready(Some(Err(Break))),
                // What was written is sent when there is nothing to do; an error now would throw it away.
                None => {
                    *flushed = true;
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
            },
        };
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(piece) => piece.is_none(),
            Self::Pieces { pieces, .. } => pieces.is_empty(),
            Self::Huge { left } => *left == 0,
            Self::Broken { .. } => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(piece) => SizeHint::with_exact(piece.as_ref().map_or(0, |piece| piece.len() as u64)),
            Self::Broken { promised, .. } => SizeHint::with_exact(*promised),
            Self::Pieces { .. } | Self::Huge { .. } => SizeHint::default(),
        }
    }
}

impl std::fmt::Display for Break {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken off on purpose")
    }
}

impl std::error::Error for Break {}
