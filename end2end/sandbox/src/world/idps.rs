//! JWT identity providers: an issuer, a key id and one certificate.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Serialize;
use x509_parser::public_key::PublicKey;

use super::{State, WorldError};
use crate::ids;

/// A JWT identity provider as tests see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IdpView {
    /// The id.
    pub id: String,
    /// The issuer that tokens must name.
    pub issuer: String,
    /// The key id that tokens must name.
    pub kid: String,
    /// What the maker wrote.
    pub description: String,
    /// The certificate as it was sent.
    pub pem: String,
    /// When it was made.
    pub created: Timestamp,
    /// How many logins it verified.
    pub logins: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Idp {
    pub(crate) id: String,
    pub(crate) tenant: String,
    pub(crate) description: String,
    pub(crate) issuer: String,
    pub(crate) kid: String,
    pub(crate) pem: String,
    /// The certificate's RSA public key, PKCS#1 DER.
    pub(crate) public_key: Vec<u8>,
    pub(crate) clock_tolerance_s: i64,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) logins: u64,
}

impl Idp {
    pub(crate) fn view(&self) -> IdpView {
        IdpView {
            id: self.id.clone(),
            issuer: self.issuer.clone(),
            kid: self.kid.clone(),
            description: self.description.clone(),
            pem: self.pem.clone(),
            created: self.created,
            logins: self.logins,
        }
    }
}

/// What an identity provider is made of.
#[derive(Debug)]
pub(crate) struct NewIdp<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) kid: &'a str,
    pub(crate) pem: &'a str,
    pub(crate) description: &'a str,
    pub(crate) clock_tolerance_s: i64,
}

/// The PKCS#1 public key in a PEM certificate, on one line or with line breaks.
///
/// The official example wants the PEM on one line
/// (<https://qlik.dev/manage/automate/identity-provider-create/>), the console
/// takes a file; both are read here. Validity dates are not looked at: no source
/// says that Qlik does.
pub(crate) fn certificate_key(pem: &str) -> Option<Vec<u8>> {
    let body =
        pem.trim().strip_prefix("-----BEGIN CERTIFICATE-----")?.strip_suffix("-----END CERTIFICATE-----")?;
    let body: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let der = STANDARD.decode(body).ok()?;
    let (rest, certificate) = x509_parser::parse_x509_certificate(&der).ok()?;
    if !rest.is_empty() {
        return None;
    }
    match certificate.public_key().parsed().ok()? {
        PublicKey::RSA(rsa) if rsa.key_size() >= 2_048 => {
            Some(certificate.public_key().subject_public_key.data.to_vec())
        }
        _ => None,
    }
}

impl State {
    pub(crate) fn add_idp(&mut self, tenant: &str, new: &NewIdp<'_>) -> Result<&Idp, WorldError> {
        let tenant = self.find_tenant(tenant)?.id.clone();
        let public_key = certificate_key(new.pem).ok_or(WorldError::Certificate)?;
        let now = self.now();
        let at = self.idps.len();
        self.idps.push(Idp {
            id: ids::object_id(),
            tenant,
            description: new.description.to_owned(),
            issuer: new.issuer.to_owned(),
            kid: new.kid.to_owned(),
            pem: new.pem.to_owned(),
            public_key,
            clock_tolerance_s: new.clock_tolerance_s,
            created: now,
            updated: now,
            logins: 0,
        });
        Ok(&self.idps[at])
    }

    pub(crate) fn idps_of<'a>(&'a self, tenant: &'a str) -> impl Iterator<Item = &'a Idp> {
        self.idps.iter().filter(move |i| i.tenant == tenant)
    }

    /// Issuer and key id together say which provider verifies a token.
    pub(crate) fn idp_for(&self, tenant: &str, issuer: &str, kid: &str) -> Option<&Idp> {
        self.idps.iter().find(|i| i.tenant == tenant && i.issuer == issuer && i.kid == kid)
    }

    pub(crate) fn remove_idp(&mut self, id: &str) -> Result<(), WorldError> {
        let before = self.idps.len();
        self.idps.retain(|i| i.id != id);
        if self.idps.len() == before {
            return Err(WorldError::Nothing("identity provider", id.to_owned()));
        }
        if self.switches.deleted_idp_ends_sessions {
            self.sessions.end_opened_by(id);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(algorithm: &'static rcgen::SignatureAlgorithm) -> String {
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        rcgen::CertificateParams::new(vec!["portal".to_owned()]).unwrap().self_signed(&key).unwrap().pem()
    }

    #[test]
    fn a_certificate_is_read_with_line_breaks_and_on_one_line() {
        let pem = certificate(&rcgen::PKCS_RSA_SHA256);
        let one_line: String = pem.lines().collect();
        let key = certificate_key(&pem).unwrap();
        assert_eq!(certificate_key(&one_line), Some(key));
    }

    #[test]
    fn a_bare_public_key_an_elliptic_key_and_noise_are_refused() {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
        assert_eq!(certificate_key(&key.public_key_pem()), None);
        assert_eq!(certificate_key(&certificate(&rcgen::PKCS_ECDSA_P256_SHA256)), None);
        assert_eq!(certificate_key("-----BEGIN CERTIFICATE-----AAAA-----END CERTIFICATE-----"), None);
    }
}
