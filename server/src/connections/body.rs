//! Bodies that say how far they are: a request's must be here in time, and an
//! answer's end is the request's end.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::{BoxError, body::Bytes};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::driver::Request;

/// A request's body, which has to be here by a moment.
pub(super) struct Upload {
    body: Incoming,
    late: Pin<Box<Sleep>>,
    /// Gone once the body is whole.
    request: Option<Arc<Request>>,
}

impl Upload {
    pub(super) fn new(body: Incoming, by: Instant, request: Arc<Request>) -> Self {
        Self { body, late: Box::pin(sleep_until(by)), request: Some(request) }
    }

    fn received(&mut self) {
        if let Some(request) = self.request.take() {
            request.received();
        }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            if frame.is_none() || self.body.is_end_stream() {
                self.received();
            }
            return Poll::Ready(frame.map(|f| f.map_err(Into::into)));
        }
        ready!(self.late.as_mut().poll(cx));
        if let Some(request) = &self.request {
            request.is_late();
        }
        Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::TimedOut).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Upload {
    // Who answers does not wait for the rest.
    fn drop(&mut self) {
        self.received();
    }
}

/// An answer's body; with it goes the request.
pub(super) struct Answer {
    body: axum::body::Body,
    _request: Arc<Request>,
}

impl Answer {
    pub(super) fn new(body: axum::body::Body, request: Arc<Request>) -> Self {
        Self { body, _request: request }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
