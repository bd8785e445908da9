//! What the operator sets: flags before variables (`QONDUIT_…`) before a TOML
//! file. All mistakes are reported together.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use backend::notices::Authorities;
use clap::Parser;
use qlik::{HostPolicy, Resolve};
use serde::Deserialize;
use url::Url;

/// The settings as they are written, in any of the three places.
#[derive(Debug, Default, Clone, Parser, Deserialize)]
#[command(
    name = "qonduit",
    version,
    about = "Connects a reporting portal to Qlik Cloud and keeps it connected."
)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Flags {
    /// What to do; without it, serve the portal
    #[command(subcommand)]
    #[serde(skip)]
    command: Option<Command>,
    /// A TOML file with the settings below (their names without `--`, with `_`)
    #[arg(long, env = "QONDUIT_CONFIG")]
    #[serde(skip)]
    config: Option<PathBuf>,
    /// Where to listen [default: 127.0.0.1:3000]
    #[arg(long, env = "QONDUIT_LISTEN")]
    listen: Option<String>,
    /// The database file [default: `sqlite://data/qonduit.db`]
    #[arg(long, env = "QONDUIT_DATABASE_URL")]
    database_url: Option<String>,
    /// The address at which people reach the portal [default: http:// and the address it listens on]
    #[arg(long, env = "QONDUIT_PUBLIC_URL")]
    public_url: Option<String>,
    /// The file with the keys that seal secrets; made where it is missing [default: data/keyring]
    #[arg(long, env = "QONDUIT_KEYRING_FILE")]
    keyring_file: Option<PathBuf>,
    /// Sends traffic for Qlik hosts to an address: `host=ip:port`, comma-separated; `*.host` is allowed
    #[arg(long, env = "QONDUIT_QLIK_RESOLVE")]
    qlik_resolve: Option<String>,
    /// One more certificate authority to trust for Qlik, PEM
    #[arg(long, env = "QONDUIT_QLIK_CA_FILE")]
    qlik_ca_file: Option<PathBuf>,
    /// Hosts beside Qlik's own that may be a tenant: `host` or `*.host`, comma-separated
    #[arg(long, env = "QONDUIT_QLIK_EXTRA_HOSTS")]
    qlik_extra_hosts: Option<String>,
    /// Hosts beside `login.qlik.com` to which users' Qlik passwords may go: `host` or `*.host`, comma-separated
    #[arg(long, env = "QONDUIT_QLIK_LOGIN_HOSTS")]
    qlik_login_hosts: Option<String>,
    /// Hosts inside your network that mail and webhooks may go to: `host`, `*.host` or an address, comma-separated
    #[arg(long, env = "QONDUIT_NOTICE_HOSTS")]
    notice_hosts: Option<String>,
    /// Certificate authorities to trust for mail and webhooks, beside those of this machine; PEM, one or more
    #[arg(long, env = "QONDUIT_NOTICE_CA_FILE")]
    notice_ca_file: Option<PathBuf>,
    /// What to log, such as `info` or `info,qlik=debug` [default: info]
    #[arg(long, env = "QONDUIT_LOG")]
    log: Option<String>,
    /// How long an old API key lives on after a renewal, in seconds [default: 60]
    #[arg(long, env = "QONDUIT_RENEWAL_GRACE")]
    renewal_grace: Option<String>,
    /// How long a new API key that Qlik does not take yet is tried before it is judged, in seconds [default: 30]
    #[arg(long, env = "QONDUIT_NEW_KEY_WAIT")]
    new_key_wait: Option<String>,
    /// How long an old signing key can be gone back to, in seconds [default: 86400]
    #[arg(long, env = "QONDUIT_SIGNING_KEY_GRACE")]
    signing_key_grace: Option<String>,
    /// Where the browser's files are [default: target/site]
    #[arg(long, env = "QONDUIT_SITE_ROOT")]
    site_root: Option<PathBuf>,
    /// The address of a proxy whose `X-Forwarded-For` is believed
    #[arg(long, env = "QONDUIT_TRUSTED_PROXY")]
    trusted_proxy: Option<String>,
    /// Writes address and set-up code to this file once it listens
    #[arg(long, env = "QONDUIT_READY_FILE")]
    ready_file: Option<PathBuf>,
}

/// What the program does beside serving.
#[derive(Debug, Clone, PartialEq, Eq, clap::Subcommand)]
pub(crate) enum Command {
    /// Print a one-time link with which the portal's owner sets a new password
    OwnerLink,
    /// Examine a portal's connection to Qlik: exit code 0 where no check fails, 1 where one does
    Doctor {
        /// The portal's hostname [default: that of the public URL]
        #[arg(long)]
        portal: Option<String>,
        /// Print the report as JSON
        #[arg(long)]
        json: bool,
    },
}

/// The settings, checked.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) command: Option<Command>,
    pub(crate) listen: SocketAddr,
    pub(crate) database_url: String,
    pub(crate) public_url: Url,
    pub(crate) keyring_file: PathBuf,
    pub(crate) qlik_resolve: Resolve,
    pub(crate) qlik_ca: Option<Vec<u8>>,
    pub(crate) host_policy: HostPolicy,
    pub(crate) qlik_login_hosts: Vec<String>,
    pub(crate) notice_hosts: Vec<String>,
    pub(crate) notice_authorities: Authorities,
    pub(crate) log: String,
    pub(crate) renewal_grace: i64,
    pub(crate) new_key_wait: i64,
    pub(crate) signing_key_grace: i64,
    pub(crate) site_root: PathBuf,
    pub(crate) trusted_proxy: Option<IpAddr>,
    pub(crate) ready_file: Option<PathBuf>,
}

impl Config {
    /// Checks everything, and says all that is wrong.
    pub(crate) fn read(flags: Flags) -> Result<Self, Vec<String>> {
        let mut wrong = Vec::new();
        let file = flags.config.as_ref().map_or_else(Flags::default, |path| {
            let text = std::fs::read_to_string(path).map_err(|e| e.to_string());
            text.and_then(|t| toml::from_str(&t).map_err(|e| e.message().to_owned())).unwrap_or_else(|e| {
                wrong.push(format!("QONDUIT_CONFIG: {}: {e}", path.display()));
                Flags::default()
            })
        });
        let f = flags.or(file);
        let listen =
            parse("QONDUIT_LISTEN", f.listen.as_deref().unwrap_or("127.0.0.1:3000"), &mut wrong, |s| {
                s.parse::<SocketAddr>()
                    .map_err(|_| "is not an address with a port, such as 127.0.0.1:3000".to_owned())
            });
        let public_url = match (&f.public_url, listen) {
            (Some(url), _) => parse("QONDUIT_PUBLIC_URL", url, &mut wrong, public_url),
            (None, Some(listen)) if listen.ip().is_unspecified() => {
                wrong.push(
                    "QONDUIT_PUBLIC_URL: is needed where the server listens on all addresses".to_owned(),
                );
                None
            }
            (None, Some(listen)) => {
                parse("QONDUIT_PUBLIC_URL", &format!("http://{listen}"), &mut wrong, public_url)
            }
            (None, None) => None,
        };
        let qlik_resolve =
            parse("QONDUIT_QLIK_RESOLVE", f.qlik_resolve.as_deref().unwrap_or(""), &mut wrong, |s| {
                Resolve::parse(s).map_err(|e| e.to_string())
            });
        let qlik_ca = f.qlik_ca_file.and_then(|path| {
            std::fs::read(&path)
                .map_err(|e| wrong.push(format!("QONDUIT_QLIK_CA_FILE: {}: {e}", path.display())))
                .ok()
        });
        let grace =
            parse("QONDUIT_RENEWAL_GRACE", f.renewal_grace.as_deref().unwrap_or("60"), &mut wrong, |s| {
                seconds(s, 86_400)
            });
        let new_key_wait =
            parse("QONDUIT_NEW_KEY_WAIT", f.new_key_wait.as_deref().unwrap_or("30"), &mut wrong, |s| {
                seconds(s, 60)
            });
        let signing = parse(
            "QONDUIT_SIGNING_KEY_GRACE",
            f.signing_key_grace.as_deref().unwrap_or("86400"),
            &mut wrong,
            |s| seconds(s, 30 * 86_400),
        );
        let trusted_proxy = f.trusted_proxy.and_then(|s| {
            parse("QONDUIT_TRUSTED_PROXY", &s, &mut wrong, |s| {
                s.parse::<IpAddr>().map_err(|_| "is not an IP address".to_owned())
            })
        });
        let notice_authorities = f.notice_ca_file.map_or_else(Authorities::default, |path| {
            let pem = std::fs::read(&path).map_err(|e| e.to_string());
            pem.and_then(|pem| Authorities::from_pem(&pem).map_err(|e| e.to_string())).unwrap_or_else(|e| {
                wrong.push(format!("QONDUIT_NOTICE_CA_FILE: {}: {e}", path.display()));
                Authorities::default()
            })
        });
        let extra = hosts(f.qlik_extra_hosts);
        let qlik_login_hosts = hosts(f.qlik_login_hosts);
        let notice_hosts = hosts(f.notice_hosts);
        match (listen, public_url, qlik_resolve, grace, new_key_wait, signing) {
            (
                Some(listen),
                Some(public_url),
                Some(qlik_resolve),
                Some(renewal_grace),
                Some(new_key_wait),
                Some(signing_key_grace),
            ) if wrong.is_empty() => Ok(Self {
                command: f.command,
                listen,
                database_url: f.database_url.unwrap_or_else(|| "sqlite://data/qonduit.db".to_owned()),
                public_url,
                keyring_file: f.keyring_file.unwrap_or_else(|| "data/keyring".into()),
                qlik_resolve,
                qlik_ca,
                host_policy: HostPolicy { extra },
                qlik_login_hosts,
                notice_hosts,
                notice_authorities,
                log: f.log.unwrap_or_else(|| "info".to_owned()),
                renewal_grace,
                new_key_wait,
                signing_key_grace,
                site_root: f.site_root.unwrap_or_else(|| "target/site".into()),
                trusted_proxy,
                ready_file: f.ready_file,
            }),
            _ => Err(wrong),
        }
    }

    /// The portal is served over plain HTTP, which is taken on this machine alone.
    pub(crate) fn is_plain(&self) -> bool {
        self.public_url.scheme() == "http"
    }
}

impl Flags {
    /// Nothing but the public address.
    #[cfg(test)]
    pub(crate) fn at(public_url: &str) -> Self {
        Self { public_url: Some(public_url.to_owned()), ..Self::default() }
    }

    /// What is set here, else what is set in `other`.
    fn or(self, other: Self) -> Self {
        Self {
            command: self.command,
            config: self.config,
            listen: self.listen.or(other.listen),
            database_url: self.database_url.or(other.database_url),
            public_url: self.public_url.or(other.public_url),
            keyring_file: self.keyring_file.or(other.keyring_file),
            qlik_resolve: self.qlik_resolve.or(other.qlik_resolve),
            qlik_ca_file: self.qlik_ca_file.or(other.qlik_ca_file),
            qlik_extra_hosts: self.qlik_extra_hosts.or(other.qlik_extra_hosts),
            qlik_login_hosts: self.qlik_login_hosts.or(other.qlik_login_hosts),
            notice_hosts: self.notice_hosts.or(other.notice_hosts),
            notice_ca_file: self.notice_ca_file.or(other.notice_ca_file),
            log: self.log.or(other.log),
            renewal_grace: self.renewal_grace.or(other.renewal_grace),
            new_key_wait: self.new_key_wait.or(other.new_key_wait),
            signing_key_grace: self.signing_key_grace.or(other.signing_key_grace),
            site_root: self.site_root.or(other.site_root),
            trusted_proxy: self.trusted_proxy.or(other.trusted_proxy),
            ready_file: self.ready_file.or(other.ready_file),
        }
    }
}

/// A number of seconds from 0 to `most`.
fn seconds(text: &str, most: i64) -> Result<i64, String> {
    text.parse::<i64>()
        .ok()
        .filter(|n| (0..=most).contains(n))
        .ok_or_else(|| format!("is not a number of seconds from 0 to {most}"))
}

/// Hosts, comma-separated.
fn hosts(text: Option<String>) -> Vec<String> {
    let text = text.unwrap_or_default();
    text.split(',').map(str::trim).filter(|h| !h.is_empty()).map(str::to_lowercase).collect()
}

fn parse<T>(
    name: &str,
    text: &str,
    wrong: &mut Vec<String>,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Option<T> {
    read(text.trim()).map_err(|e| wrong.push(format!("{name}: {text:?} {e}"))).ok()
}

/// An origin: scheme, host and port, nothing behind. Plain HTTP only where
/// nobody else can listen.
fn public_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| "is not an address such as https://portal.example".to_owned())?;
    let bare =
        url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    let loopback = match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => return Err("has no host".to_owned()),
    };
    match url.scheme() {
        _ if !bare => Err("must be scheme, host and port alone".to_owned()),
        "https" => Ok(url),
        "http" if loopback => Ok(url),
        "http" => {
            Err("must be https: over plain HTTP passwords and sessions could be read on the way".to_owned())
        }
        _ => Err("must begin with https://".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: impl FnOnce(&mut Flags)) -> Result<Config, Vec<String>> {
        let mut flags = Flags::default();
        set(&mut flags);
        Config::read(flags)
    }

    #[test]
    fn nothing_set_is_a_trial_on_this_machine() {
        let c = read(|_| {}).unwrap();
        assert_eq!(c.public_url.as_str(), "http://127.0.0.1:3000/");
        assert!(c.is_plain());
    }

    #[test]
    fn all_mistakes_are_told_together() {
        let wrong = read(|f| {
            f.listen = Some("nowhere".to_owned());
            f.public_url = Some("http://portal.example".to_owned());
            f.qlik_resolve = Some("no equals sign".to_owned());
            f.renewal_grace = Some("-1".to_owned());
            f.signing_key_grace = Some("a day".to_owned());
            f.qlik_ca_file = Some("/does/not/exist".into());
            f.notice_ca_file = Some("/does/not/exist".into());
        })
        .unwrap_err();
        assert_eq!(wrong.len(), 7, "{wrong:#?}");
    }

    #[test]
    fn a_file_of_authorities_without_a_certificate_is_told_at_start() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "the certificate is in the other file").unwrap();
        let wrong = read(|f| f.notice_ca_file = Some(file.path().into())).unwrap_err();
        let expected =
            format!("QONDUIT_NOTICE_CA_FILE: {}: holds no certificate in PEM form", file.path().display());
        assert_eq!(wrong, [expected]);
    }

    #[test]
    fn plain_http_is_refused_but_on_loopback() {
        for (url, taken) in [
            ("http://localhost:3000", true),
            ("http://127.0.0.1", true),
            ("http://[::1]:3000", true),
            ("https://portal.example", true),
            ("https://portal.example:8443", true),
            ("http://portal.example", false),
            ("https://portal.example/path", false),
            ("ftp://portal.example", false),
            ("portal.example", false),
        ] {
            assert_eq!(public_url(url).is_ok(), taken, "{url}");
        }
    }

    #[test]
    fn listening_everywhere_needs_a_public_address() {
        let wrong = read(|f| f.listen = Some("0.0.0.0:3000".to_owned())).unwrap_err();
        assert!(wrong[0].starts_with("QONDUIT_PUBLIC_URL"), "{wrong:?}");
    }

    #[test]
    fn a_flag_outweighs_the_file() {
        let file = Flags {
            log: Some("warn".to_owned()),
            listen: Some("127.0.0.1:1".to_owned()),
            ..Flags::default()
        };
        let flag = Flags { log: Some("debug".to_owned()), ..Flags::default() };
        let both = flag.or(file);
        assert_eq!((both.log.as_deref(), both.listen.as_deref()), (Some("debug"), Some("127.0.0.1:1")));
    }
}
