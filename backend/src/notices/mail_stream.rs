//! A connection on which TLS begins later (STARTTLS). lettre keeps what it has
//! read ahead when TLS begins, and takes it for answers that came over TLS:
//! somebody on the way could answer in the mail server's place (RFC 3207,
//! section 6, asks to forget it). So nothing is read ahead before TLS. What was
//! slipped in stays in the connection, where the handshake fails on it.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// With this byte a handshake begins, and no command of SMTP does.
const HANDSHAKE: u8 = 22;

#[derive(Debug)]
pub(super) struct Stepwise {
    stream: TcpStream,
    in_clear: bool,
}

impl Stepwise {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, in_clear: true }
    }
}

impl AsyncTokioStream for Stepwise {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}

impl AsyncRead for Stepwise {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.in_clear || buf.remaining() == 0 {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let mut byte = [0_u8];
        let mut one = ReadBuf::new(&mut byte);
        let read = Pin::new(&mut self.stream).poll_read(cx, &mut one);
        buf.put_slice(one.filled());
        read
    }
}

impl AsyncWrite for Stepwise {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if buf.first() == Some(&HANDSHAKE) {
            self.in_clear = false;
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
