//! The one value that server functions and the renewal task hold.

use std::{fmt, sync::Arc, time::Duration};

use jiff::Timestamp;
use qlik::{Entropy, HostPolicy, Lane, Qlik, SessionCache, SessionLimits, SigningIdentity, random_id};
use tokio::sync::Notify;
use url::Url;

use crate::{
    Error,
    apps::Reading,
    events::Events,
    notices::NoticesConfig,
    oauth::ClientTokens,
    people::PeopleState,
    renewal::{Policy, Tenants},
    rotation,
    store::Db,
    vault::Vault,
};

/// How many users' Qlik sessions are kept open.
const SESSIONS: u64 = 10_000;
/// How many signing keys are kept in memory, and how long one that nobody uses.
const SIGNERS: u64 = 256;
const SIGNER_UNUSED: Duration = Duration::from_mins(10);

/// What the operator decided.
#[derive(Debug, Clone)]
pub struct ServicesConfig {
    /// Where people reach the portal: scheme, host and port.
    pub public_url: Url,
    /// Which hosts besides Qlik's own may be a tenant.
    pub host_policy: HostPolicy,
    /// The numbers of the renewal.
    pub renewal: Policy,
    /// The numbers of the replacement of a signing key.
    pub rotation: rotation::Policy,
    /// Where notices may go.
    pub notices: NoticesConfig,
    /// Names this process in leases; unlike that of any other process.
    pub owner: String,
    /// The product's version.
    pub version: &'static str,
}

/// One customer's instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portal {
    /// Random id.
    pub id: String,
    /// The help page's Tenant hostname, without port.
    pub hostname: String,
    /// Scheme, host and, where not the standard one, port.
    pub origin: String,
    /// What people call it.
    pub name: String,
}

pub(crate) struct Inner {
    pub(crate) db: Db,
    pub(crate) vault: Vault,
    pub(crate) qlik: Qlik,
    /// What the renewal asks; the client above, but in a simulation.
    pub(crate) tenants: Arc<dyn Tenants>,
    pub(crate) config: ServicesConfig,
    pub(crate) people: PeopleState,
    pub(crate) sessions: SessionCache,
    /// By key id, so that no process signs on with a key that was replaced.
    pub(crate) signers: moka::future::Cache<String, Arc<SigningIdentity>>,
    /// The OAuth clients' own tokens.
    pub(crate) client_tokens: ClientTokens,
    pub(crate) events: Events,
    /// Wakes the renewal task.
    pub(crate) due: Notify,
    /// Wakes the task of set-ups.
    pub(crate) set_ups: Notify,
    /// Wakes the comparing task.
    pub(crate) compare: Notify,
    /// Who is reading apps at the moment.
    pub(crate) reading: Reading,
}

/// Everything the product does. Cheap to clone.
#[derive(Clone)]
pub struct Services(pub(crate) Arc<Inner>, Arc<Qlik>);

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Services({})", self.0.config.owner)
    }
}

impl Services {
    /// Puts the parts together and checks that the keyring opens this database.
    ///
    /// # Errors
    /// [`Error::Vault`] where it does not.
    pub async fn open(db: Db, vault: Vault, qlik: Qlik, config: ServicesConfig) -> Result<Self, Error> {
        let tenants = Arc::new(qlik.clone());
        Self::open_with(db, vault, qlik, tenants, config).await
    }

    /// As [`Services::open`], with something else to ask in a renewal.
    pub(crate) async fn open_with(
        db: Db,
        vault: Vault,
        qlik: Qlik,
        tenants: Arc<dyn Tenants>,
        config: ServicesConfig,
    ) -> Result<Self, Error> {
        vault.check(&db).await?;
        let people = PeopleState::new(&**qlik.entropy());
        let sessions = SessionCache::new(qlik.clock().clone(), SessionLimits::default(), SESSIONS);
        let signers =
            moka::future::Cache::builder().max_capacity(SIGNERS).time_to_idle(SIGNER_UNUSED).build();
        let (events, due) = (Events::default(), Notify::new());
        let (set_ups, compare) = (Notify::new(), Notify::new());
        let client = Arc::new(qlik.clone());
        let inner = Arc::new(Inner {
            db,
            vault,
            qlik,
            tenants,
            config,
            people,
            sessions,
            signers,
            client_tokens: ClientTokens::default(),
            events,
            due,
            set_ups,
            compare,
            reading: Reading::default(),
        });
        Ok(Self(inner, client))
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    /// Seals and opens secrets.
    pub fn vault(&self) -> &Vault {
        &self.0.vault
    }

    /// The Qlik client.
    pub fn qlik(&self) -> &Qlik {
        &self.1
    }

    /// The same, for what is done in somebody else's name: its calls to Qlik wait
    /// where the renewal's and the administrators' do not. What a renewal asks is in
    /// its own lane whoever set it off.
    pub(crate) fn in_lane(&self, lane: Lane) -> Self {
        Self(self.0.clone(), Arc::new(self.1.in_lane(lane)))
    }

    /// What the operator decided.
    pub fn config(&self) -> &ServicesConfig {
        &self.0.config
    }

    /// The time, by the clock that was given.
    pub fn now(&self) -> Timestamp {
        self.0.qlik.clock().now()
    }

    /// Where random bytes come from.
    pub fn entropy(&self) -> &dyn Entropy {
        &**self.0.qlik.entropy()
    }

    /// A new random id.
    pub fn new_id(&self) -> String {
        random_id(self.entropy())
    }

    /// A share from 0 to 1, for jitter.
    pub(crate) fn jitter(&self) -> f64 {
        let mut bytes = [0_u8; 4];
        self.entropy().fill(&mut bytes);
        f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
    }

    /// A portal by its id.
    pub(crate) async fn portal(&self, id: &str) -> Result<Option<Portal>, Error> {
        Ok(sqlx::query_as!(
            Portal,
            r#"SELECT id AS "id!", hostname AS "hostname!", origin AS "origin!", name AS "name!"
               FROM portals WHERE id = ?"#,
            id
        )
        .fetch_optional(self.db().read())
        .await?)
    }

    /// The portal that answers at `host` (a `Host` header, its port ignored).
    /// Where just one portal exists it answers at every host, so that a server
    /// can be reached by address before its name is in place.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn portal_by_host(&self, host: &str) -> Result<Option<Portal>, Error> {
        let host = host
            .rsplit_once(':')
            .map_or(host, |(h, port)| if port.bytes().all(|b| b.is_ascii_digit()) { h } else { host });
        let host = host.to_ascii_lowercase();
        let named = sqlx::query_as!(
            Portal,
            r#"SELECT id AS "id!", hostname AS "hostname!", origin AS "origin!", name AS "name!"
               FROM portals WHERE hostname = ?"#,
            host
        )
        .fetch_optional(self.db().read())
        .await?;
        if named.is_some() {
            return Ok(named);
        }
        let mut any = sqlx::query_as!(
            Portal,
            r#"SELECT id AS "id!", hostname AS "hostname!", origin AS "origin!", name AS "name!"
               FROM portals LIMIT 2"#
        )
        .fetch_all(self.db().read())
        .await?;
        Ok(if any.len() == 1 { any.pop() } else { None })
    }
}
