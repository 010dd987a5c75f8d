//! The body of a response: bytes that are all there, or a stream.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};

use super::log_entry::LogEntry;
use super::stream::{Broken, StreamedBody};

/// What hyper sends behind the head of a response.
pub(super) enum ReplyBody {
    /// All of it.
    Whole(Full<Bytes>),
    /// As it comes.
    Streamed(Box<StreamedBody>),
}

impl ReplyBody {
    /// The access log's line about this response is written when it has been sent, in whatever way.
    pub(super) fn log(&mut self, mut entry: Box<LogEntry>) {
        match self {
            Self::Whole(body) => entry.sent(body.size_hint().exact().unwrap_or(0)),
            Self::Streamed(body) => body.log(entry),
        }
    }

    /// Whether more of it is to come.
    pub(super) fn is_streamed(&self) -> bool {
        matches!(self, Self::Streamed(_))
    }
}

impl fmt::Debug for ReplyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_streamed() { "Streamed" } else { "Whole" })
    }
}

impl From<Bytes> for ReplyBody {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(Full::new(bytes))
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.get_mut() {
            Self::Whole(body) => {
                Pin::new(body).poll_frame(context).map_err(|never: Infallible| match never {})
            }
            Self::Streamed(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Streamed(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Streamed(_) => SizeHint::default(),
        }
    }
}
