//! The scripted tenant: Qlik's rules for API keys and nothing else of it, and
//! the rules that a portal must never break, looked at as each call takes
//! place.

use std::{
    collections::BTreeMap,
    sync::{Arc, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use base64::Engine as _;
use qlik::{
    ApiKey, ApiKeyConfig, ApiKeyQuery, CreatedApiKey, KeyStatus, NewApiKey, User,
    error::{Error as QlikError, ErrorKind},
    host::TenantHost,
    secret::ApiKeyToken,
};

use super::{
    plan::Fate,
    world::{OWNER, Shared, TENANT},
};
use crate::{
    Error, Services,
    keys::OwnedKey,
    renewal::{
        claim::Row,
        look::tag,
        port::{KeyCalls, OwnerEyes, Tenants},
    },
    store::{at, cut},
};

/// In every token, so that one that got away is found.
pub(super) const CANARY: &str = "c2VjcmV0LW9mLXRoZS1zaW11bGF0aW9u";

/// So long does the client wait for an answer, in seconds.
const PATIENCE: i64 = 30;

/// How a key ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The portal deleted it.
    ByUs,
    /// A Tenant Admin revoked it.
    Revoked,
}

#[derive(Debug, Clone)]
pub(super) struct SimKey {
    pub(super) description: String,
    pub(super) created: i64,
    pub(super) expires: i64,
    pub(super) works_from: i64,
    pub(super) end: Option<End>,
    /// A call with it succeeded.
    pub(super) worked: bool,
    /// A person made it for this portal and pasted it.
    pub(super) pasted: bool,
    /// Qlik made it so long after it was asked that whoever asked had given up:
    /// it may be a third one, until the portal looks for leftovers.
    late: bool,
}

/// What Qlik knows.
#[derive(Debug, Default)]
pub(super) struct SimTenant {
    pub(super) keys: BTreeMap<String, SimKey>,
    made: u64,
    pub(super) quota: usize,
    pub(super) longest: i64,
    pub(super) owner_active: bool,
    pub(super) permission: bool,
    pub(super) fresh_delay: i64,
    /// What takes place now was asked for long ago.
    late: bool,
    /// Rules that were broken.
    pub(super) broken: Vec<String>,
}

impl SimTenant {
    pub(super) fn new() -> Self {
        Self { quota: 5, longest: 30 * 86_400, owner_active: true, permission: true, ..Self::default() }
    }

    pub(super) fn make(&mut self, description: &str, life: i64, now: i64) -> String {
        self.made += 1;
        let id = format!("key-{:04}", self.made);
        let key = SimKey {
            description: description.to_owned(),
            created: now,
            expires: now + life,
            works_from: now + self.fresh_delay,
            end: None,
            worked: false,
            pasted: false,
            late: self.late,
        };
        self.keys.insert(id.clone(), key);
        id
    }

    fn lives(key: &SimKey, now: i64) -> bool {
        key.end.is_none() && key.expires > now
    }

    pub(super) fn works(&self, id: &str, now: i64) -> bool {
        let owner = self.owner_active && self.permission;
        owner && self.keys.get(id).is_some_and(|k| Self::lives(k, now) && k.works_from <= now)
    }

    pub(super) fn live(&self, now: i64) -> impl Iterator<Item = (&String, &SimKey)> {
        self.keys.iter().filter(move |(_, k)| Self::lives(k, now))
    }

    /// The live keys that this portal made, the late ones aside.
    pub(super) fn tagged(&self, portal: &str, now: i64) -> Vec<String> {
        let prefix = tag(portal, "");
        self.live(now)
            .filter(|(_, k)| !k.late && k.description.starts_with(&prefix))
            .map(|(id, _)| id.clone())
            .collect()
    }

    fn view(id: &str, key: &SimKey, now: i64) -> ApiKey {
        let status = match key.end {
            Some(End::Revoked) => KeyStatus::Revoked,
            _ if key.expires <= now => KeyStatus::Expired,
            _ => KeyStatus::Active,
        };
        ApiKey {
            id: id.to_owned(),
            tenant_id: Some(TENANT.to_owned()),
            description: key.description.clone(),
            status,
            sub: OWNER.to_owned(),
            sub_type: "user".to_owned(),
            expiry: at(key.expires),
            created: Some(at(key.created)),
            last_updated: None,
            created_by_user: Some(OWNER.to_owned()),
        }
    }

    pub(super) fn record(&self, id: &str, now: i64) -> Option<ApiKey> {
        self.keys.get(id).filter(|k| k.end != Some(End::ByUs)).map(|k| Self::view(id, k, now))
    }
}

/// A token as Qlik makes them, for a key of this id.
pub(super) fn token(id: &str) -> ApiKeyToken {
    let part = |json: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json);
    let claims = format!(r#"{{"jti":"{id}","sub":"{OWNER}","subType":"user","tenantId":"{TENANT}"}}"#);
    ApiKeyToken::parse(&format!("{}.{}.{CANARY}", part(r#"{"alg":"ES384"}"#), part(&claims))).unwrap()
}

pub(super) fn owner() -> User {
    serde_json::from_value(serde_json::json!({
        "id": OWNER, "subject": "auth0|ada", "name": "Ada", "email": "ada@acme.example", "status": "active",
    }))
    .unwrap()
}

/// The seam's far side.
pub(super) struct SimTenants(pub(super) Arc<Shared>);

struct AsUser {
    shared: Arc<Shared>,
    /// `None`: a session of the owner.
    key: Option<String>,
}

#[async_trait]
impl Tenants for SimTenants {
    fn with_key(&self, _: &TenantHost, token: Arc<ApiKeyToken>) -> Box<dyn KeyCalls> {
        Box::new(AsUser { shared: self.0.clone(), key: token.claims().jti.clone() })
    }

    async fn as_owner(&self, _: &Services, _: &Row, _: &OwnedKey) -> Result<OwnerEyes, Error> {
        let eyes = AsUser { shared: self.0.clone(), key: None };
        Ok(match eyes.call("login", |t, _| Ok(t.owner_active)).await {
            Ok(true) => OwnerEyes::Open(Box::new(eyes)),
            Ok(false) => OwnerEyes::Barred,
            Err(_) => OwnerEyes::Shut,
        })
    }
}

impl AsUser {
    /// One call: its fate first, then what Qlik says.
    async fn call<T>(
        &self,
        operation: &'static str,
        take_place: impl FnOnce(&mut SimTenant, i64) -> Result<T, ErrorKind> + Send,
    ) -> Result<T, QlikError> {
        let fail =
            |kind, after: Option<u64>| QlikError::made_up(kind, operation, after.map(Duration::from_secs));
        match self.shared.next_fate() {
            Fate::Fine => self.take(take_place).map_err(|kind| fail(kind, None)),
            Fate::Refused(kind, after) => Err(fail(kind, after)),
            Fate::Lost(kind, took_place) => {
                if took_place {
                    // Whatever it gave is lost with the answer.
                    drop(self.take(take_place));
                }
                Err(fail(kind, None))
            }
            Fate::Dies(after) => {
                if after {
                    drop(self.take(take_place));
                }
                self.shared.die();
                cut::at(cut::Edge::Call).await;
                Err(fail(ErrorKind::ConnectionLost, None))
            }
            Fate::Meanwhile(true, secs, op) => {
                let asked = self.shared.tenant_now();
                self.shared.pass(secs);
                self.shared.clone().run_nested(*op).await;
                self.shared.tenant().late = self.shared.tenant_now() - asked > PATIENCE;
                let given = self.take(take_place);
                self.shared.tenant().late = false;
                given.map_err(|kind| fail(kind, None))
            }
            Fate::Meanwhile(false, secs, op) => {
                let given = self.take(take_place).map_err(|kind| fail(kind, None));
                self.shared.pass(secs);
                self.shared.clone().run_nested(*op).await;
                given
            }
        }
    }

    fn take<T>(
        &self,
        take_place: impl FnOnce(&mut SimTenant, i64) -> Result<T, ErrorKind>,
    ) -> Result<T, ErrorKind> {
        let now = self.shared.tenant_now();
        let mut tenant: MutexGuard<'_, SimTenant> = self.shared.tenant();
        if let Some(id) = &self.key {
            if !tenant.works(id, now) {
                return Err(ErrorKind::Unauthorized);
            }
            if let Some(key) = tenant.keys.get_mut(id) {
                key.worked = true;
            }
        } else if !tenant.permission {
            return Err(ErrorKind::Forbidden);
        }
        take_place(&mut tenant, now)
    }
}

#[async_trait]
impl KeyCalls for AsUser {
    async fn key_config(&self, _: &str) -> Result<ApiKeyConfig, QlikError> {
        self.call("config", |t, _| {
            Ok(ApiKeyConfig {
                max_expiry: Some(jiff::SignedDuration::from_secs(t.longest)),
                max_keys_per_user: u32::try_from(t.quota).ok(),
                api_keys_enabled: None,
            })
        })
        .await
    }

    async fn list(&self, _: &ApiKeyQuery) -> Result<Vec<ApiKey>, QlikError> {
        self.call("list", |t, now| Ok(t.live(now).map(|(id, k)| SimTenant::view(id, k, now)).collect())).await
    }

    async fn read(&self, key_id: &str) -> Result<ApiKey, QlikError> {
        self.call("read", |t, now| t.record(key_id, now).ok_or(ErrorKind::NotFound)).await
    }

    async fn create(&self, new: &NewApiKey) -> Result<CreatedApiKey, QlikError> {
        let held = self.shared.held().await;
        self.call("create", |t, now| {
            let life = new.lifetime.as_secs();
            if life > t.longest {
                return Err(ErrorKind::BadRequest);
            }
            if t.live(now).count() >= t.quota {
                return Err(ErrorKind::Forbidden);
            }
            held.may_create(&new.description, &mut t.broken);
            let id = t.make(&new.description, life, now);
            let tagged = t.tagged(&self.shared.portal_id, now);
            if tagged.len() > 2 {
                t.broken.push(format!("three live keys of ours: {tagged:?}"));
            }
            let key = t.record(&id, now).ok_or(ErrorKind::NotFound)?;
            Ok(CreatedApiKey { token: token(&id), key })
        })
        .await
    }

    async fn delete(&self, key_id: &str) -> Result<(), QlikError> {
        let held = self.shared.held().await;
        self.call("delete", |t, now| {
            if t.record(key_id, now).is_none() {
                return Err(ErrorKind::NotFound);
            }
            held.may_delete(key_id, &self.shared.portal_id, t, now);
            if let Some(key) = t.keys.get_mut(key_id) {
                key.end = Some(End::ByUs);
            }
            Ok(())
        })
        .await
    }

    async fn rename(&self, key_id: &str, description: &str) -> Result<(), QlikError> {
        let prefix = tag(&self.shared.portal_id, "");
        self.call("rename", |t, now| {
            if t.record(key_id, now).is_none() {
                return Err(ErrorKind::NotFound);
            }
            if let Some(key) = t.keys.get_mut(key_id) {
                if !key.description.starts_with(&prefix) {
                    t.broken.push(format!("{key_id}, which is not ours, was renamed"));
                }
                description.clone_into(&mut key.description);
            }
            Ok(())
        })
        .await
    }

    async fn me(&self) -> Result<User, QlikError> {
        self.call("me", |_, _| Ok(owner())).await
    }
}
