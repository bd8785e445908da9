//! Who vouches for a mail server or a webhook's receiver: the authorities that this
//! machine trusts, and those that the operator added. The two clients read
//! certificates each in its own form, and both are made here, so that neither
//! trusts what the other does not.

use lettre::transport::smtp::{
    Error as SmtpError,
    client::{Certificate, CertificateStore, TlsParameters},
};
use qlik::TlsFault;

use super::Undelivered;

/// Certificate authorities that the operator added. None, by default.
#[derive(Debug, Clone, Default)]
pub struct Authorities {
    mail: Option<Certificate>,
    web: Vec<reqwest::Certificate>,
}

/// Why a file of certificate authorities is not taken.
#[derive(Debug, thiserror::Error)]
pub enum AuthoritiesError {
    /// Nothing in it is a certificate.
    #[error("holds no certificate in PEM form")]
    Empty,
    /// A block says that it is a certificate and is none.
    #[error("holds a certificate that can’t be read")]
    Unreadable,
}

impl Authorities {
    /// One or more certificates in PEM form; what else is in there is passed over.
    ///
    /// # Errors
    /// [`AuthoritiesError`], so that a wrong file is told at start and not by the
    /// first notice that does not arrive.
    pub fn from_pem(pem: &[u8]) -> Result<Self, AuthoritiesError> {
        let web = reqwest::Certificate::from_pem_bundle(pem).map_err(|_| AuthoritiesError::Unreadable)?;
        if web.is_empty() {
            return Err(AuthoritiesError::Empty);
        }
        let mail = Certificate::from_pem(pem).map_err(|_| AuthoritiesError::Unreadable)?;
        // Only the TLS library looks inside; a client that is thrown away makes it look now.
        TlsParameters::builder("localhost".to_owned())
            .certificate_store(CertificateStore::None)
            .add_root_certificate(mail.clone())
            .build()
            .map_err(|_| AuthoritiesError::Unreadable)?;
        Ok(Self { mail: Some(mail), web })
    }

    /// TLS to the mail server `host`, checked against that name.
    pub(super) fn to_mail(&self, host: &str) -> Result<TlsParameters, SmtpError> {
        let builder = TlsParameters::builder(host.to_owned());
        match &self.mail {
            Some(added) => builder.add_root_certificate(added.clone()),
            None => builder,
        }
        .build()
    }

    /// What a client for webhooks trusts beside the machine's own.
    pub(super) fn to_web(&self) -> impl Iterator<Item = reqwest::Certificate> {
        self.web.iter().cloned()
    }
}

/// What is wrong with the certificate that `host` showed, then what to do. `None`
/// where the error is about something else.
pub(super) fn distrusted(error: &(dyn std::error::Error + 'static), host: &str) -> Option<Undelivered> {
    let (what, remedy) = match TlsFault::in_chain(error)? {
        TlsFault::UnknownIssuer => (
            "whose issuer this server does not trust",
            "If it is the right one, the operator can add its issuer (QONDUIT_NOTICE_CA_FILE).",
        ),
        TlsFault::Expired => ("that has expired", "It has to be renewed there."),
        TlsFault::NotYetValid => ("that is not valid yet", "Compare the clocks of both servers."),
        TlsFault::WrongName => ("for another name", "Enter the name that it is for."),
        TlsFault::Revoked => ("that was revoked", "It has to be replaced there."),
        _ => ("that a server can’t be known by", "It has to be replaced there."),
    };
    Some(Undelivered::new(format!("{host} shows a certificate {what}, so nothing was sent. {remedy}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(der: &str) -> String {
        format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n")
    }

    fn authority() -> String {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.self_signed(&key).unwrap().pem()
    }

    #[test]
    fn several_authorities_may_stand_in_one_file_among_other_things() {
        let (first, second) = (authority(), authority());
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        let file = format!("# Acme\n{first}\n{key}\n{second}");
        assert_eq!(Authorities::from_pem(file.as_bytes()).unwrap().to_web().count(), 2);
    }

    #[test]
    fn a_file_that_is_none_of_certificates_is_refused_with_the_reason() {
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        for nothing in ["", "a note", key.as_str()] {
            assert!(
                matches!(Authorities::from_pem(nothing.as_bytes()), Err(AuthoritiesError::Empty)),
                "{nothing}"
            );
        }
        let good = authority();
        // Half of the second is missing; it is base64 of something else; it is no base64.
        for broken in [good[..good.len() / 2].to_owned(), pem("bm8gY2VydGlmaWNhdGU="), pem("§")] {
            let file = format!("{good}{broken}");
            let refused = Authorities::from_pem(file.as_bytes());
            assert!(matches!(refused, Err(AuthoritiesError::Unreadable)), "{broken}: {refused:?}");
        }
    }
}
