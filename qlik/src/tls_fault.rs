//! What is wrong with a server's certificate.
//!
//! This module must not know what was to be sent, nor to whom.

use rustls::CertificateError as E;

/// Why a server could not prove that it is the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsFault {
    /// No authority that is trusted here vouches for the certificate. Typical of
    /// a proxy that opens TLS, whose authority this machine has not been told of.
    UnknownIssuer,
    /// The certificate is no longer valid, by this machine's clock.
    Expired,
    /// The certificate is not valid yet, by this machine's clock.
    NotYetValid,
    /// The certificate is for other names.
    WrongName,
    /// The certificate was revoked.
    Revoked,
    /// Something else makes it none for a server, such as an authority's own
    /// certificate shown in place of one that it issued.
    Unusable,
}

impl TlsFault {
    /// The fault of a certificate in the sources of an error, if one is there:
    /// for a program's other connections, such as one to a mail server. They
    /// have to be made with the `rustls` that this crate uses.
    pub fn in_chain(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        in_chain(error).and_then(Self::of)
    }

    /// What is wrong, as the middle of a sentence.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::UnknownIssuer => "the certificate's issuer is not trusted",
            Self::Expired => "the certificate has expired",
            Self::NotYetValid => "the certificate is not valid yet",
            Self::WrongName => "the certificate is for another name",
            Self::Revoked => "the certificate was revoked",
            Self::Unusable => "the certificate is none that a server can show",
        }
    }

    /// The fault, where it is one of the certificate.
    pub(crate) fn of(error: &rustls::Error) -> Option<Self> {
        let rustls::Error::InvalidCertificate(fault) = error else { return None };
        match fault {
            E::UnknownIssuer => Some(Self::UnknownIssuer),
            E::Expired | E::ExpiredContext { .. } => Some(Self::Expired),
            E::NotValidYet | E::NotValidYetContext { .. } => Some(Self::NotYetValid),
            E::NotValidForName | E::NotValidForNameContext { .. } => Some(Self::WrongName),
            E::Revoked => Some(Self::Revoked),
            _ => Some(Self::Unusable),
        }
    }
}

/// Looks for a TLS error in the chain of sources. An `io::Error` leaves the error
/// that it was made from out of that chain, so it is looked into.
pub(crate) fn in_chain<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        next = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}
