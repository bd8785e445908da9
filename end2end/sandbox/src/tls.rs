//! The sandbox's own certificate authority, and a certificate for each name that
//! a client asks for.
//!
//! It must not know which tenants exist: an unknown host gets a good certificate
//! and is refused by the routes, as at Qlik.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SigningKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

const CA_NAME: &str = "Qlik sandbox CA";
/// Certificates follow the real clock of clients, never the sandbox's, so their
/// dates are simply wide.
const FROM_YEAR: i32 = 2_024;
const UNTIL_YEAR: i32 = 2_049;

/// The authority: what clients must trust, and the means to sign.
pub(crate) struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority, or the one kept in `dir` (`ca.pem` and `ca.key`).
    pub(crate) fn open(dir: Option<&Path>) -> anyhow::Result<Self> {
        let Some(dir) = dir else { return Ok(Self::create()?.0) };
        let (cert, key) = (dir.join("ca.pem"), dir.join("ca.key"));
        if cert.exists() && key.exists() {
            let pem =
                std::fs::read_to_string(&cert).with_context(|| format!("cannot read {}", cert.display()))?;
            let key_pem =
                std::fs::read_to_string(&key).with_context(|| format!("cannot read {}", key.display()))?;
            let issuer = Issuer::from_ca_cert_pem(&pem, KeyPair::from_pem(&key_pem)?)?;
            return Ok(Self { pem, issuer });
        }
        let (authority, key_pem) = Self::create()?;
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        write_private(&key, &key_pem).with_context(|| format!("cannot write {}", key.display()))?;
        std::fs::write(&cert, &authority.pem).with_context(|| format!("cannot write {}", cert.display()))?;
        Ok(authority)
    }

    fn create() -> anyhow::Result<(Self, String)> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let key_pem = key.serialize_pem();
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name = named(CA_NAME);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = rcgen::date_time_ymd(FROM_YEAR, 1, 1);
        params.not_after = rcgen::date_time_ymd(UNTIL_YEAR, 1, 1);
        let pem = params.self_signed(&key)?.pem();
        Ok((Self { pem, issuer: Issuer::new(params, key) }, key_pem))
    }

    /// The authority's certificate.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// A TLS configuration that serves HTTP/2 and HTTP/1.1 under any name.
    pub(crate) fn server_config(self) -> anyhow::Result<ServerConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Resolver::new(self.issuer)?));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// Makes certificates on demand; one key serves them all.
struct Resolver {
    issuer: Issuer<'static, KeyPair>,
    key: KeyPair,
    signing: Arc<dyn SigningKey>,
    made: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolver")
    }
}

impl Resolver {
    fn new(issuer: Issuer<'static, KeyPair>) -> anyhow::Result<Self> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let der = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
        let signing = rustls::crypto::aws_lc_rs::sign::any_ecdsa_type(&der)?;
        Ok(Self { issuer, key, signing, made: Mutex::default() })
    }

    /// As at Qlik, one certificate serves a region: `*.eu.qlikcloud.com`.
    fn names(sni: &str) -> Vec<String> {
        match sni.split_once('.') {
            Some((_, region)) if region.matches('.').count() >= 2 => vec![format!("*.{region}")],
            _ => vec![sni.to_owned(), "127.0.0.1".to_owned()],
        }
    }

    fn make(&self, names: Vec<String>) -> Result<CertifiedKey, rcgen::Error> {
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = named("Qlik sandbox");
        params.not_before = rcgen::date_time_ymd(FROM_YEAR, 1, 1);
        params.not_after = rcgen::date_time_ymd(UNTIL_YEAR, 1, 1);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let leaf: CertificateDer<'static> = params.signed_by(&self.key, &self.issuer)?.der().clone();
        Ok(CertifiedKey::new(vec![leaf], Arc::clone(&self.signing)))
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let names = Self::names(hello.server_name().unwrap_or("localhost"));
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = made.get(&names[0]) {
            return Some(Arc::clone(known));
        }
        match self.make(names.clone()) {
            Ok(certified) => {
                let certified = Arc::new(certified);
                made.insert(names[0].clone(), Arc::clone(&certified));
                Some(certified)
            }
            Err(error) => {
                tracing::warn!(%error, name = names[0], "no certificate for this name");
                None
            }
        }
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut dn = DistinguishedName::new();
    dn.push(DnType::CommonName, name);
    dn
}

#[cfg(unix)]
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(not(unix))]
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::write(path, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_certificate_serves_a_region() {
        assert_eq!(Resolver::names("acme.eu.qlikcloud.com"), ["*.eu.qlikcloud.com"]);
        assert_eq!(Resolver::names("qlikcloud.com"), ["qlikcloud.com", "127.0.0.1"]);
    }

    #[test]
    fn a_kept_authority_is_found_again_and_its_key_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let first = Authority::open(Some(dir.path())).unwrap();
        let second = Authority::open(Some(dir.path())).unwrap();
        assert_eq!(first.pem(), second.pem());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(dir.path().join("ca.key")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
