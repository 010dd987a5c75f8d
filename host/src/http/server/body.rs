//! Collects the body of a request, within its limits.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use hyper::StatusCode;
use hyper::body::{Body, Incoming};

use super::load::{Load, Share};
use super::progress::Progress;
use super::request::Refused;

const TOO_LARGE: Refused =
    Refused(StatusCode::PAYLOAD_TOO_LARGE, "the request body is too large\n");

/// Waits for all of `body`: at most `max` bytes, and no more than the worker can hold.
pub(super) async fn collect(
    mut body: Incoming,
    max: Option<u64>,
    load: &Arc<Load>,
    progress: &Progress,
) -> Result<(Bytes, Share), Refused> {
    let max = max.unwrap_or(u64::MAX);
    let announced = body.size_hint().exact();
    if announced.is_some_and(|bytes| bytes > max) {
        return Err(TOO_LARGE);
    }
    let mut share = Share::new(load);
    let mut whole = BytesMut::new();
    progress.body();
    loop {
        let frame = poll_fn(|context| {
            if progress.is_body_late(context) {
                return Poll::Ready(Err(Refused(
                    StatusCode::REQUEST_TIMEOUT,
                    "the request body took too long\n",
                )));
            }
            Pin::new(&mut body).poll_frame(context).map(Ok)
        });
        let data = match frame.await? {
            None => return Ok((whole.freeze(), share)),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => data,
                // Trailers come after the last data and have no place in the contract.
                Err(_trailers) => continue,
            },
            Some(Err(_)) => {
                return Err(Refused(StatusCode::BAD_REQUEST, "the request body is broken\n"));
            }
        };
        let bytes = data.len() as u64;
        if bytes > max.saturating_sub(whole.len() as u64) {
            return Err(TOO_LARGE);
        }
        if !share.grow(bytes) {
            return Err(Refused(StatusCode::SERVICE_UNAVAILABLE, "too many request bodies\n"));
        }
        if whole.is_empty() && announced == Some(bytes) {
            return Ok((data, share));
        }
        whole.extend_from_slice(&data);
    }
}
