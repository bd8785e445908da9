//! Where a request comes from, for the limits on tries: the connection's
//! address, or behind the one proxy that the operator trusts the last address
//! that this proxy wrote down.

use std::net::{IpAddr, SocketAddr};

use app::ssr::ctx::ClientIp;
use axum::{
    extract::{ConnectInfo, Request, State},
    http::HeaderMap,
    middleware::Next,
    response::Response,
};

pub(crate) async fn client_ip(
    State(trusted): State<Option<IpAddr>>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip().to_canonical());
    if let Some(ip) = peer.map(|peer| from(peer, trusted, request.headers())) {
        request.extensions_mut().insert(ClientIp(ip));
    }
    next.run(request).await
}

/// What the proxy wrote stands last; all before it was sent by the client.
fn from(peer: IpAddr, trusted: Option<IpAddr>, headers: &HeaderMap) -> IpAddr {
    if trusted != Some(peer) {
        return peer;
    }
    headers
        .get_all("x-forwarded-for")
        .iter()
        .next_back()
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.rsplit(',').next())
        .and_then(|ip| ip.trim().parse().ok())
        .unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_trusted_proxy_is_believed_and_only_what_it_wrote_itself() {
        let [proxy, client, forged]: [IpAddr; 3] =
            ["10.0.0.1", "192.0.2.7", "203.0.113.9"].map(|ip| ip.parse().unwrap());
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", format!("{forged}, {client}").parse().unwrap());
        assert_eq!(from(proxy, Some(proxy), &headers), client);
        assert_eq!(from(proxy, None, &headers), proxy);
        assert_eq!(from(client, Some(proxy), &headers), client);
        assert_eq!(from(proxy, Some(proxy), &HeaderMap::new()), proxy);
    }
}
