//! Signing the token that opens a user's session.
//!
//! One RSA-2048 key signs; its certificate goes to Qlik as a JWT identity
//! provider (<https://qlik.dev/authenticate/jwt/create-signed-tokens-for-jwt-authorization/>).
//! Qlik's pages disagree on other algorithms; RS256 is in all of them. This
//! module must not know how a token is sent.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde::Serialize;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::env::{Clock, Entropy, random_id};
use crate::error::{Error, ErrorKind};
use crate::secret::{LoginToken, SigningKeyPem};

const GENERATE: &str = "make a signing key";
const READ: &str = "read a signing key";
const SIGN: &str = "sign a login token";
/// What Qlik wants in `aud` (<https://qlik.dev/authenticate/jwt/implement-jwt-authorization/>).
const AUDIENCE: &str = "qlik.api/login/jwt-session";
/// The token is valid from before now, because clocks differ.
const BEFORE: SignedDuration = SignedDuration::from_secs(30);
/// The token is used at once; Qlik allows an hour in all.
const AFTER: SignedDuration = SignedDuration::from_secs(60);
/// A certificate lives so long, as in Qlik's own instructions.
const VALID: SignedDuration = SignedDuration::from_hours(5 * 365 * 24);
/// Longest common name that X.509 allows, in characters.
const MAX_COMMON_NAME: usize = 64;

/// A key that Qlik is told to trust for logins, and how tokens name it.
#[derive(Clone)]
pub struct SigningIdentity {
    issuer: String,
    kid: String,
    /// The token's header, which is the same each time.
    header: String,
    key: Arc<RsaKeyPair>,
    pem: SigningKeyPem,
}

/// The public half, for the identity provider at Qlik.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The X.509 certificate as PEM.
    pub pem: String,
    /// When it stops being valid.
    pub not_after: Timestamp,
}

/// The user that a token opens a session for.
///
/// Qlik finds users by `sub` first and by e-mail second, and **rewrites the
/// subject** of a user whose e-mail comes with another `sub`. So look the user
/// up and give the stored subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtSubject {
    /// The user's subject at Qlik.
    pub sub: String,
    /// The name that people see.
    pub name: String,
    /// The e-mail address, which the issuer must have verified.
    pub email: String,
    /// Groups to put the user into; none are sent where it is empty.
    pub groups: Vec<String>,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    kid: &'a str,
    typ: &'static str,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'static str,
    sub: &'a str,
    #[serde(rename = "subType")]
    sub_type: &'static str,
    name: &'a str,
    email: &'a str,
    email_verified: bool,
    jti: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    groups: &'a [String],
}

impl SigningIdentity {
    /// Makes an RSA-2048 key, a random key id and a self-signed certificate for
    /// five years. It takes some tenths of a second of CPU: call it off the
    /// async threads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Signing`].
    pub fn generate(
        issuer: &str,
        common_name: &str,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> Result<(Self, Certificate), Error> {
        let failed = |e: rcgen::Error| Error::new(ErrorKind::Signing, GENERATE).with_source(e);
        let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).map_err(failed)?;
        let now = clock.now();
        let mut params = CertificateParams::default();
        let mut name = DistinguishedName::new();
        let common_name: String =
            common_name.chars().filter(|c| !c.is_control()).take(MAX_COMMON_NAME).collect();
        name.push(DnType::CommonName, common_name);
        params.distinguished_name = name;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        // From the day before, so that a clock that is behind accepts it.
        let far = |e: jiff::Error| Error::new(ErrorKind::Signing, GENERATE).with_source(e);
        let not_after = now.checked_add(VALID).map_err(far)?;
        let not_before = now.checked_sub(SignedDuration::from_hours(24)).map_err(far)?;
        params.not_before = whole_second(not_before)?;
        params.not_after = whole_second(not_after)?;
        let certificate = params.self_signed(&pair).map_err(failed)?;
        let pem = SigningKeyPem::new(pair.serialize_pem());
        let identity = Self::from_pem(issuer, &random_id(entropy), &pem)?;
        Ok((identity, Certificate { pem: certificate.pem(), not_after }))
    }

    /// Reads a key that was kept: PKCS #8 or PKCS #1, RSA of 2048 bits or more.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Signing`], without any of the key.
    pub fn from_pem(issuer: &str, kid: &str, pem: &SigningKeyPem) -> Result<Self, Error> {
        let failed = || Error::new(ErrorKind::Signing, READ);
        let der = PrivateKeyDer::from_pem_slice(pem.expose().as_bytes()).map_err(|_| failed())?;
        let key = match &der {
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            _ => return Err(failed()),
        }
        .map_err(|e| failed().with_source(e))?;
        if issuer.is_empty() || kid.is_empty() {
            return Err(failed().with_title("issuer and key id must not be empty"));
        }
        let header = encode(&Header { alg: "RS256", kid, typ: "JWT" })?;
        Ok(Self {
            issuer: issuer.to_owned(),
            kid: kid.to_owned(),
            header,
            key: Arc::new(key),
            pem: pem.clone(),
        })
    }

    /// The private key, to be sealed and kept.
    pub fn private_key_pem(&self) -> SigningKeyPem {
        self.pem.clone()
    }

    /// What tokens say in `iss`.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What tokens say in their header's `kid`.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Signs a token for one login, valid from 30 seconds before `now` to 60
    /// seconds after, with a fresh random id: Qlik takes each token once.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Signing`], also for a user without subject, name or e-mail,
    /// all of which Qlik requires.
    pub fn sign(
        &self,
        subject: &JwtSubject,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<LoginToken, Error> {
        let failed = || Error::new(ErrorKind::Signing, SIGN);
        if [&subject.sub, &subject.name, &subject.email].iter().any(|text| text.trim().is_empty()) {
            return Err(failed().with_title("the user needs a subject, a name and an e-mail address"));
        }
        let mut id = [0_u8; 32];
        entropy.fill(&mut id);
        let claims = Claims {
            iss: &self.issuer,
            aud: AUDIENCE,
            sub: &subject.sub,
            sub_type: "user",
            name: &subject.name,
            email: &subject.email,
            email_verified: true,
            jti: URL_SAFE_NO_PAD.encode(id),
            iat: now.as_second(),
            nbf: now.as_second() - BEFORE.as_secs(),
            exp: now.as_second() + AFTER.as_secs(),
            groups: &subject.groups,
        };
        let mut token = Zeroizing::new(format!("{}.{}", self.header, encode(&claims)?));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature)
            .map_err(|e| failed().with_source(e))?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(&signature, &mut token);
        Ok(LoginToken::new(token.as_str()))
    }
}

/// A moment as the certificate library wants it.
fn whole_second(at: Timestamp) -> Result<OffsetDateTime, Error> {
    OffsetDateTime::from_unix_timestamp(at.as_second())
        .map_err(|e| Error::new(ErrorKind::Signing, GENERATE).with_source(e))
}

fn encode(part: &impl Serialize) -> Result<String, Error> {
    let json = serde_json::to_vec(part).map_err(|e| Error::new(ErrorKind::Signing, SIGN).with_source(e))?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

impl fmt::Debug for SigningIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningIdentity")
            .field("issuer", &self.issuer)
            .field("kid", &self.kid)
            .field("key", &"***")
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "jwt_tests.rs"]
mod tests;
