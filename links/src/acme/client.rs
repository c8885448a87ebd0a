//! How the authority is asked: by our own HTTP client, with its guard and its limits.

use std::{future::Future, pin::Pin};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};

use crate::{
    Roots,
    http::{self as links_http, Guard, HttpError, Limits, Plain, Want},
};

/// A client for the authority. Cloning is cheap.
#[derive(Clone)]
pub(super) struct Client(links_http::Client);

impl Client {
    pub(super) fn new(roots: &Roots) -> Self {
        // The authority stands in the configuration, and may be one of the house. It is asked by HTTPS only.
        Self(links_http::Client::new(Guard::configured(Plain::Nowhere), roots, Limits::default()))
    }

    pub(super) fn boxed(&self) -> Box<dyn HttpClient> {
        Box::new(self.clone())
    }
}

impl HttpClient for Client {
    fn request(&self, request: Request<BodyWrapper<Bytes>>) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.0.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let Ok(body) = body.collect().await;
            let request = Request::from_parts(head, body.to_bytes().to_vec());
            let answer = client.send(request, Want::Whole).await.map_err(|error| Error::Other(Box::new(Unasked(error))))?;
            let (head, body) = answer.into_parts();
            Ok(BytesResponse::from(Response::from_parts(head, Full::new(Bytes::from(body)))))
        })
    }
}

/// Our own error on its way through the library.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct Unasked(pub(super) HttpError);
