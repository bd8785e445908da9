//! Services over a database with many portals.

use std::{path::Path, sync::Arc, time::Duration};

use backend::{
    Services, ServicesConfig,
    notices::NoticesConfig,
    renewal::{KeyRef, Policy, State},
    store::Db,
    vault::{Keyring, Place, Vault},
};
use qlik::{HostPolicy, Qlik, QlikConfig, Resolve, SystemClock, SystemEntropy};

use crate::scene::Key;

/// So many minutes of Qlik's limits pass in one here.
pub(crate) const QUICKER: u32 = 30;
/// Changes a minute and tenant that the client allows itself.
const CHANGES: u32 = 90;
/// So many a second at that, after so many at once.
pub(crate) const RATE: u32 = CHANGES * QUICKER / 60;
pub(crate) const AT_ONCE: u32 = CHANGES * QUICKER / 2;

pub(crate) async fn services(folder: &Path, resolve: &str, ca: Option<Vec<u8>>) -> Services {
    let entropy = Arc::new(SystemEntropy);
    let config = QlikConfig {
        resolve: Resolve::parse(resolve).unwrap(),
        ca_pem: ca,
        tier1_per_minute: 900 * QUICKER,
        tier2_per_minute: CHANGES * QUICKER,
        ..QlikConfig::default()
    };
    let client = Qlik::new(config, Arc::new(SystemClock), entropy.clone()).unwrap();
    let db = Db::open(&format!("sqlite://{}", folder.join("crowd.db").display())).await.unwrap();
    let vault = Vault::new(Keyring::ephemeral(&*entropy).unwrap(), entropy);
    let config = ServicesConfig {
        public_url: "https://portal.example".parse().unwrap(),
        host_policy: HostPolicy::default(),
        renewal: Policy { grace: 1, ..Policy::default() },
        rotation: backend::rotation::Policy::default(),
        notices: NoticesConfig { timeout: Duration::from_secs(5), ..NoticesConfig::default() },
        new_key_wait: Duration::ZERO,
        owner: "bench".to_owned(),
        version: "bench",
    };
    Services::open(db, vault, client, config).await.unwrap()
}

/// Portals from `from` to `to` whose keys come due in the coming days.
pub(crate) async fn idle(services: &Services, from: u32, to: u32) {
    let now = services.now().as_second();
    let key = KeyRef { key_id: "key".to_owned(), created_at: now, expires_at: now + 3 * 86_400 };
    let state = serde_json::to_string(&State::new(key, now + 2 * 86_400, now + 86_400)).unwrap();
    let mut tx = services.db().write().await.unwrap();
    for (table, columns, values) in [
        (
            "portals",
            "id, hostname, origin, name, created_at",
            "'p' || n, 'p' || n || '.portal.example', 'https://p' || n || '.portal.example', 'Portal ' || n, 0",
        ),
        (
            "integrations",
            "portal_id, tenant_host, tenant_id, permanent_host, web_integration_id, auth_option, renewal, next_action_at, saved_at",
            "'p' || n, 't' || n % 5000 || '.eu.qlikcloud.com', 't', 'h', 'w', 'api_key', ?3, ?4 + 3600 + n % 80000, 0",
        ),
        ("notice_state", "portal_id, told, check_at", "'p' || n, '{}', ?4 + 3600 + n % 80000"),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "WITH RECURSIVE c (n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM c WHERE n + 1 < ?2)
             INSERT INTO {table} ({columns}) SELECT {values} FROM c"
        )))
        .bind(from)
        .bind(to)
        .bind(&state)
        .bind(now)
        .execute(&mut *tx)
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
}

/// A portal for each key, due now.
pub(crate) async fn due(services: &Services, keys: &[Key]) {
    let now = services.now().as_second();
    let mut tx = services.db().write().await.unwrap();
    for (n, key) in keys.iter().enumerate() {
        let portal = format!("p{n}");
        let place = Place { portal: &portal, table: "api_keys", row: &key.id, column: "sealed_token" };
        let sealed = services.vault().seal(place, key.token.as_bytes()).unwrap();
        let current = KeyRef { key_id: key.id.clone(), created_at: now, expires_at: now + 3 * 86_400 };
        let state = serde_json::to_string(&State::new(current, now - 1, now + 86_400)).unwrap();
        sqlx::query(
            "INSERT INTO portals (id, hostname, origin, name, created_at) VALUES (?1, ?1, ?2, ?1, 0)",
        )
        .bind(&portal)
        .bind(format!("https://{portal}.portal.example"))
        .execute(&mut *tx)
        .await
        .unwrap();
        sqlx::query(
            "INSERT INTO integrations (portal_id, tenant_host, tenant_id, permanent_host, web_integration_id, auth_option,
                                       renewal, next_action_at, saved_at)
             VALUES (?, ?, ?, ?, 'w', 'api_key', ?, ?, 0)",
        )
        .bind(&portal)
        .bind(&key.host)
        .bind(&key.tenant)
        .bind(&key.host)
        .bind(&state)
        .bind(now - 1)
        .execute(&mut *tx)
        .await
        .unwrap();
        sqlx::query(
            "INSERT INTO api_keys (key_id, portal_id, tenant_id, tenant_host, sealed_token, fingerprint, last4, owner_id,
                                   owner_subject, owner_email, owner_name, state, created_at, expires_at, stored_at)
             VALUES (?, ?, ?, ?, ?, 'f', '1234', ?, 's', 'e@acme.example', 'n', 'current', ?, ?, ?)",
        )
        .bind(&key.id)
        .bind(&portal)
        .bind(&key.tenant)
        .bind(&key.host)
        .bind(sealed)
        .bind(&key.owner)
        .bind(now)
        .bind(now + 3 * 86_400)
        .bind(now)
        .execute(&mut *tx)
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
}

/// A figure of this process in MiB, as the kernel counts it: `VmRSS` or `VmHWM`.
pub(crate) fn memory(which: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix(which)?.strip_prefix(':'));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<f64>().ok())
        .map_or(f64::NAN, |kib| kib / 1024.0)
}
