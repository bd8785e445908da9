//! Fixtures for tests: a clock that can be moved, services on a temporary
//! database, and a Qlik client that is pointed where the test wants.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use qlik::{Clock, HostPolicy, Qlik, QlikConfig, Resolve, SystemEntropy};
use tempfile::TempDir;

use crate::{
    Actor, Error, Services, ServicesConfig,
    connection::AuthOption,
    credentials,
    identity::IdentityView,
    notices::{Authorities, NoticesConfig},
    people::SetUp,
    renewal::Policy,
    rotation,
    store::Db,
    vault::{Keyring, Vault},
};

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct FakeClock(AtomicI64);

impl FakeClock {
    /// A clock at `start`.
    pub fn new(start: Timestamp) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(start.as_second())))
    }

    /// Moves it, either way.
    pub fn advance(&self, by: SignedDuration) {
        self.0.fetch_add(by.as_secs(), Ordering::SeqCst);
    }

    /// Sets it.
    pub fn set(&self, to: Timestamp) {
        self.0.store(to.as_second(), Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        crate::store::at(self.0.load(Ordering::SeqCst))
    }
}

/// Where the Qlik client of a test goes, and whom its notices trust.
#[derive(Debug, Clone, Default)]
pub struct QlikAt {
    /// As `QONDUIT_QLIK_RESOLVE`.
    pub resolve: String,
    /// The certificate authority to trust.
    pub ca_pem: Option<String>,
    /// How long a request may take.
    pub timeout: Option<Duration>,
    /// As the file of `QONDUIT_NOTICE_CA_FILE`.
    pub notice_ca: Option<String>,
}

/// Services and what they stand on. The folder goes with the value.
#[derive(Debug)]
pub struct TestServices {
    /// The services.
    pub services: Services,
    /// Their clock.
    pub clock: Arc<FakeClock>,
    /// Their folder: `qonduit.db` and `keyring`.
    pub dir: Arc<TempDir>,
    qlik: QlikAt,
}

impl std::ops::Deref for TestServices {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.services
    }
}

/// Services on a new database, with a Qlik client that reaches nothing.
///
/// # Errors
/// Where the folder, the database or the client can't be made.
pub async fn services(clock: Arc<FakeClock>) -> Result<TestServices, Error> {
    services_at(clock, QlikAt::default()).await
}

/// Services on a new database.
///
/// # Errors
/// Where the folder, the database or the client can't be made.
pub async fn services_at(clock: Arc<FakeClock>, qlik: QlikAt) -> Result<TestServices, Error> {
    let dir = Arc::new(tempfile::tempdir().map_err(|_| Error::Internal("no temporary folder"))?);
    open(dir, clock, qlik).await
}

async fn open(dir: Arc<TempDir>, clock: Arc<FakeClock>, qlik: QlikAt) -> Result<TestServices, Error> {
    let entropy = Arc::new(SystemEntropy);
    let ring =
        Keyring::open(&dir.path().join("keyring"), &*entropy).map_err(|_| Error::Internal("no keyring"))?;
    let db = Db::open(&format!("sqlite://{}", dir.path().join("qonduit.db").display())).await?;
    let config = QlikConfig {
        resolve: Resolve::parse(&qlik.resolve).map_err(|_| Error::Internal("no such address"))?,
        ca_pem: qlik.ca_pem.clone().map(String::into_bytes),
        request_timeout: qlik.timeout.unwrap_or(Duration::from_secs(5)),
        // The buckets run by real time, and a test's year passes in a second.
        tier1_per_minute: 1_000_000,
        tier2_per_minute: 1_000_000,
        ..QlikConfig::default()
    };
    let authorities = match &qlik.notice_ca {
        Some(pem) => {
            Authorities::from_pem(pem.as_bytes()).map_err(|_| Error::Internal("no authority for notices"))?
        }
        None => Authorities::default(),
    };
    let client =
        Qlik::new(config, clock.clone(), entropy.clone()).map_err(|_| Error::Internal("no Qlik client"))?;
    let config = ServicesConfig {
        public_url: "https://acme.portal.example".parse().map_err(|_| Error::Internal("no such address"))?,
        host_policy: HostPolicy::default(),
        renewal: Policy::default(),
        rotation: rotation::Policy::default(),
        notices: NoticesConfig {
            hosts: vec!["127.0.0.1".to_owned()],
            authorities,
            timeout: qlik.timeout.unwrap_or(Duration::from_secs(5)),
        },
        owner: qlik::random_id(&*entropy),
        version: "test",
    };
    let services = Services::open(db, Vault::new(ring, entropy), client, config).await?;
    Ok(TestServices { services, clock, dir, qlik })
}

impl TestServices {
    /// Another process on the same database: a new owner of leases, nothing in
    /// memory.
    ///
    /// # Errors
    /// As [`services_at`].
    pub async fn another(&self) -> Result<Self, Error> {
        open(self.dir.clone(), self.clock.clone(), self.qlik.clone()).await
    }

    /// As [`TestServices::another`], with a Qlik client that goes elsewhere.
    ///
    /// # Errors
    /// As [`services_at`].
    pub async fn reaching(&self, qlik: QlikAt) -> Result<Self, Error> {
        open(self.dir.clone(), self.clock.clone(), qlik).await
    }

    /// Where the Qlik client goes.
    pub fn qlik_at(&self) -> QlikAt {
        self.qlik.clone()
    }

    /// The portal as it is now, in a folder of its own: a backup that was
    /// restored, or a second copy.
    ///
    /// # Errors
    /// As [`services_at`].
    pub async fn copy(&self) -> Result<Self, Error> {
        let broken = |_| Error::Internal("the folder can't be copied");
        let dir = tempfile::tempdir().map_err(broken)?;
        let to = dir.path().join("qonduit.db").display().to_string();
        sqlx::query!("VACUUM INTO ?", to).execute(self.db().read()).await?;
        std::fs::copy(self.dir.path().join("keyring"), dir.path().join("keyring")).map_err(broken)?;
        open(Arc::new(dir), self.clock.clone(), self.qlik.clone()).await
    }

    /// The portal's first administrator, `ada@acme.example` with the password
    /// `correct horse battery`.
    ///
    /// # Errors
    /// As [`Services::set_up`].
    pub async fn administrator(&self) -> Result<Actor, Error> {
        let code = self.setup_code().await?.ok_or(Error::Internal("set up already"))?;
        let input = SetUp {
            code,
            portal_name: "Acme".to_owned(),
            name: "Ada".to_owned(),
            email: "ada@acme.example".to_owned(),
            password: "correct horse battery".to_owned().into(),
        };
        self.set_up(input, None).await
    }

    /// `count` active users beside those there are: `user00001@acme.example` and
    /// so on, of the names `User 1` and so on.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn many_users(&self, portal_id: &str, count: i64) -> Result<(), Error> {
        let mut tx = self.db().write().await?;
        sqlx::query!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
             INSERT INTO users (id, portal_id, email, email_key, name, role, status, created_at)
             SELECT 'many-' || i, ?, printf('user%05d@acme.example', i), printf('user%05d@acme.example', i),
                    'User ' || i, 'user', 'active', 0 FROM n",
            count,
            portal_id
        )
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// The key in use comes due, and the claims of processes that are gone are
    /// over: what else takes days, and three quarters of a minute.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn bring_forward(&self) -> Result<(), Error> {
        let mut tx = self.db().write().await?;
        sqlx::query!(
            "UPDATE integrations SET renewal = json_set(renewal, '$.renew_at', 0), next_action_at = 0,
                    version = version + 1, lease_owner = NULL, lease_until = NULL"
        )
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Puts the portal on another authentication option, or on Qlik credentials, and
    /// wipes what was registered, as a change of the settings does: how many passwords.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn put_on_option(&self, portal_id: &str, option: AuthOption) -> Result<i64, Error> {
        let option = option.as_str();
        let mut tx = self.db().write().await?;
        sqlx::query!(
            "UPDATE integrations SET auth_option = ?, renewal = NULL, next_action_at = NULL, version = version + 1
             WHERE portal_id = ?",
            option,
            portal_id
        )
        .execute(&mut *tx)
        .await?;
        let wiped = credentials::wipe_credentials(&mut tx, portal_id).await?;
        tx.commit().await?;
        Ok(wiped)
    }

    /// The claims of processes that are gone are over.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn end_claims(&self) -> Result<(), Error> {
        let mut tx = self.db().write().await?;
        sqlx::query!("UPDATE integrations SET lease_owner = NULL, lease_until = NULL")
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// The key ids of the signing keys whose private part is stored, oldest first.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn stored_signing_keys(&self) -> Result<Vec<String>, Error> {
        let kids =
            sqlx::query_scalar!(r#"SELECT kid AS "kid!" FROM signing_identities ORDER BY created_at, rowid"#);
        Ok(kids.fetch_all(self.db().read()).await?)
    }

    /// What Qlik has to know of a signing key, whether it signs now or not.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn signing_identity(&self, portal_id: &str, kid: &str) -> Result<Option<IdentityView>, Error> {
        self.identity_of(portal_id, kid).await
    }

    /// Every byte of the database and its write-ahead log.
    ///
    /// # Errors
    /// Where a file can't be read.
    pub fn bytes(&self) -> std::io::Result<Vec<u8>> {
        let mut all = Vec::new();
        for entry in std::fs::read_dir(self.dir.path())? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with("qonduit.db") {
                all.extend(std::fs::read(entry.path())?);
            }
        }
        Ok(all)
    }
}
