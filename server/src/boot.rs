//! From the configuration to the services.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use backend::{
    Services, ServicesConfig,
    notices::NoticesConfig,
    renewal::Policy,
    rotation,
    store::Db,
    vault::{Keyring, Vault},
};
use qlik::{Qlik, QlikConfig, SystemClock, SystemEntropy, random_id};

use crate::config::Config;

/// Logs to standard error, as the configuration says; a filter that can't be
/// read becomes `info`.
pub(crate) fn tracing(filter: &str) {
    use tracing_subscriber::{EnvFilter, fmt};
    // The session layer warns of each cookie that it can't read or does not know, which is anyone's choice.
    let quiet = "tower_sessions=error,tower_sessions_core=error";
    let filter = EnvFilter::try_new(format!("{quiet},{filter}"))
        .unwrap_or_else(|_| EnvFilter::new(format!("{quiet},info")));
    fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
}

/// Opens keyring, database and Qlik client.
pub(crate) async fn services(config: &Config) -> Result<Services> {
    let entropy = Arc::new(SystemEntropy);
    let ring = Keyring::open(&config.keyring_file, &*entropy)
        .with_context(|| format!("QONDUIT_KEYRING_FILE ({})", config.keyring_file.display()))?;
    let db = Db::open(&config.database_url)
        .await
        .with_context(|| format!("QONDUIT_DATABASE_URL ({})", config.database_url))?;
    let qlik = Qlik::new(
        QlikConfig {
            resolve: config.qlik_resolve.clone(),
            ca_pem: config.qlik_ca.clone(),
            login_hosts: config.qlik_login_hosts.clone(),
            user_agent: concat!("qonduit/", env!("CARGO_PKG_VERSION")).to_owned(),
            ..QlikConfig::default()
        },
        Arc::new(SystemClock),
        entropy.clone(),
    )
    .context("the Qlik client (QONDUIT_QLIK_CA_FILE)")?;
    let services = ServicesConfig {
        public_url: config.public_url.clone(),
        host_policy: config.host_policy.clone(),
        renewal: Policy { grace: config.renewal_grace, ..Policy::default() },
        rotation: rotation::Policy { grace: config.signing_key_grace, ..rotation::Policy::default() },
        notices: NoticesConfig {
            hosts: config.notice_hosts.clone(),
            authorities: config.notice_authorities.clone(),
            ..NoticesConfig::default()
        },
        new_key_wait: std::time::Duration::from_secs(u64::try_from(config.new_key_wait).unwrap_or_default()),
        owner: random_id(&*entropy),
        version: env!("CARGO_PKG_VERSION"),
    };
    Services::open(db, Vault::new(ring, entropy), qlik, services)
        .await
        .context("the keyring does not open this database")
}
