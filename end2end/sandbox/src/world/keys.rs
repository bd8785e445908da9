//! API keys: their lives, quota and who may do what to them.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{State, UserStatus, WorldError};
use crate::clock::later;
use crate::{duration, ids, tokens};

/// Where a key stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyStatus {
    /// Usable, as far as the key is concerned.
    Active,
    /// Past its expiry.
    Expired,
    /// Switched off for good by a Tenant Admin.
    Revoked,
}

impl KeyStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// A key as tests see it; the token is not part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyView {
    /// The key's id, also the token's `jti`.
    pub id: String,
    /// What the maker wrote.
    pub description: String,
    /// The status now.
    pub status: KeyStatus,
    /// The id of the user whose rights the key has.
    pub owner: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends.
    pub expiry: Timestamp,
    /// Removed by its owner: Qlik no longer knows it.
    pub deleted: bool,
}

#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) tenant: String,
    pub(crate) owner: String,
    pub(crate) created_by: String,
    pub(crate) description: String,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) expiry: Timestamp,
    /// Refused before this moment (eventual consistency).
    pub(crate) usable_from: Timestamp,
    /// Refused so many times yet.
    pub(crate) refusals_left: u32,
    pub(crate) revoked: bool,
    pub(crate) deleted: bool,
    pub(crate) token: String,
}

impl std::fmt::Debug for Key {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("id", &self.id).field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl Key {
    pub(crate) fn status(&self, now: Timestamp) -> KeyStatus {
        if self.revoked {
            KeyStatus::Revoked
        } else if self.expiry <= now {
            KeyStatus::Expired
        } else {
            KeyStatus::Active
        }
    }

    pub(crate) fn is_live(&self, now: Timestamp) -> bool {
        !self.deleted && self.status(now) == KeyStatus::Active
    }

    pub(crate) fn view(&self, now: Timestamp) -> KeyView {
        KeyView {
            id: self.id.clone(),
            description: self.description.clone(),
            status: self.status(now),
            owner: self.owner.clone(),
            created: self.created,
            expiry: self.expiry,
            deleted: self.deleted,
        }
    }
}

/// Why a key may not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeyRefusal {
    /// The user has as many active keys as the tenant allows.
    Quota { limit: u32 },
    /// The tenant's maximum is shorter.
    TooLong { maximum: String },
}

impl State {
    /// The tenant's maximum lifetime of new keys.
    pub(crate) fn max_key_lifetime(&self, tenant: &str) -> SignedDuration {
        self.tenant(tenant)
            .and_then(|t| duration::parse(&t.key_config.max_api_key_expiry, self.now()))
            .unwrap_or(SignedDuration::from_hours(24))
    }

    /// Makes a key under the tenant's rules; `lifetime` defaults to the maximum
    /// (<https://qlik.dev/apis/rest/api-keys>).
    pub(crate) fn issue_key(
        &mut self,
        tenant: &str,
        owner: &str,
        description: &str,
        lifetime: Option<SignedDuration>,
    ) -> Result<Key, KeyRefusal> {
        let maximum = self.max_key_lifetime(tenant);
        let lifetime = lifetime.unwrap_or(maximum);
        let config = self.tenant(tenant).map(|t| t.key_config.clone()).unwrap_or_default();
        if lifetime > maximum {
            return Err(KeyRefusal::TooLong { maximum: config.max_api_key_expiry });
        }
        let limit = config.max_keys_per_user;
        let live = self.live_keys_of(owner).count();
        if live >= usize::try_from(limit).unwrap_or(usize::MAX) {
            return Err(KeyRefusal::Quota { limit });
        }
        Ok(self.put_key(tenant, owner, description, lifetime))
    }

    /// Makes a key whatever the rules say.
    pub(crate) fn put_key(
        &mut self,
        tenant: &str,
        owner: &str,
        description: &str,
        lifetime: SignedDuration,
    ) -> Key {
        let now = self.now();
        let id = ids::uuid();
        let made = self.switches.keys_tell_when_made.then(|| now.as_second());
        let (delay, refusals) = self
            .tenant(tenant)
            .map_or((SignedDuration::ZERO, 0), |t| (t.keys_work_after, t.keys_work_after_calls));
        let key = Key {
            token: tokens::mint_api_key(&id, owner, tenant, made),
            id,
            tenant: tenant.to_owned(),
            owner: owner.to_owned(),
            created_by: owner.to_owned(),
            description: description.to_owned(),
            created: now,
            updated: now,
            expiry: later(now, lifetime),
            usable_from: later(now, self.switches.fresh_key_delay.max(delay)),
            refusals_left: refusals,
            revoked: false,
            deleted: false,
        };
        self.keys.push(key.clone());
        key
    }

    pub(crate) fn create_key(
        &mut self,
        owner: &str,
        description: &str,
        lifetime: SignedDuration,
    ) -> Result<Key, WorldError> {
        let tenant = self.user(owner).ok_or_else(|| WorldError::NoUser(owner.to_owned()))?.tenant.clone();
        Ok(self.put_key(&tenant, owner, description, lifetime))
    }

    /// A key that Qlik still knows.
    pub(crate) fn key_of(&self, tenant: &str, id: &str) -> Option<&Key> {
        self.keys.iter().find(|k| k.id == id && k.tenant == tenant && !k.deleted)
    }

    pub(crate) fn key_mut(&mut self, id: &str) -> Result<&mut Key, WorldError> {
        self.keys.iter_mut().find(|k| k.id == id).ok_or_else(|| WorldError::NoKey(id.to_owned()))
    }

    pub(crate) fn live_keys_of<'a>(&'a self, owner: &'a str) -> impl Iterator<Item = &'a Key> {
        let now = self.now();
        self.keys.iter().filter(move |k| k.owner == owner && k.is_live(now))
    }

    /// A token's key, if it works here and now. The whole token must be the one that
    /// was handed out, not just its id. A refusal of a fresh key is counted.
    pub(crate) fn authenticate_key(&mut self, tenant: &str, token: &str) -> Result<Key, DeadKey> {
        let id = tokens::api_key_id(token).ok_or(DeadKey::Unknown)?;
        let now = self.now();
        let key = self
            .keys
            .iter_mut()
            .find(|k| k.id == id && k.tenant == tenant && !k.deleted && k.token == token)
            .ok_or(DeadKey::Unknown)?;
        if key.status(now) != KeyStatus::Active {
            return Err(DeadKey::ExpiredOrRevoked);
        }
        if now < key.usable_from || key.refusals_left > 0 {
            key.refusals_left = key.refusals_left.saturating_sub(1);
            return Err(DeadKey::TooFresh);
        }
        let key = key.clone();
        // Existing keys stop working when the owner loses the permission:
        // https://qlik.dev/changelog/198-developer-role-removal
        match self.user_of(tenant, &key.owner) {
            Some(owner) if owner.status == UserStatus::Active && owner.manage_api_keys => Ok(key),
            _ => Err(DeadKey::OwnerMayNot),
        }
    }
}

/// Why a key opens nothing. Qlik answers all of them with the same 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeadKey {
    Unknown,
    ExpiredOrRevoked,
    TooFresh,
    OwnerMayNot,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::world::{NewTenant, NewUser};

    fn world() -> (State, String, String) {
        let mut state = State::new(Clock::starting(Some("2026-11-24T12:00:00Z".parse().unwrap())));
        let tenant = state.add_tenant(NewTenant::new("acme", "eu")).unwrap();
        let user = state.add_user(&tenant.id, NewUser::admin("ada@acme.example")).unwrap();
        (state, tenant.id, user.id)
    }

    #[test]
    fn a_key_lives_until_its_expiry_and_not_at_it() {
        let (mut state, tenant, user) = world();
        let key = state.put_key(&tenant, &user, "d", SignedDuration::from_secs(60));
        state.clock.advance(SignedDuration::from_secs(59));
        assert!(state.authenticate_key(&tenant, &key.token).is_ok());
        state.clock.advance(SignedDuration::from_secs(1));
        assert_eq!(state.authenticate_key(&tenant, &key.token).unwrap_err(), DeadKey::ExpiredOrRevoked);
    }

    #[test]
    fn the_default_configuration_is_24_hours_and_five_keys() {
        let (mut state, tenant, user) = world();
        let day = SignedDuration::from_hours(24);
        let over = state.issue_key(&tenant, &user, "d", Some(day + SignedDuration::from_secs(1)));
        assert_eq!(over.unwrap_err(), KeyRefusal::TooLong { maximum: "PT24H".into() });
        for _ in 0..5 {
            let key = state.issue_key(&tenant, &user, "d", None).unwrap();
            assert_eq!(key.expiry.duration_since(key.created), day);
        }
        assert_eq!(state.issue_key(&tenant, &user, "d", None).unwrap_err(), KeyRefusal::Quota { limit: 5 });
    }

    #[test]
    fn expired_revoked_and_deleted_keys_leave_the_quota() {
        let (mut state, tenant, user) = world();
        let keys: Vec<_> = (0..3).map(|_| state.issue_key(&tenant, &user, "d", None).unwrap()).collect();
        state.key_mut(&keys[0].id).unwrap().revoked = true;
        state.key_mut(&keys[1].id).unwrap().deleted = true;
        assert_eq!(state.live_keys_of(&user).map(|k| k.id.clone()).collect::<Vec<_>>(), [keys[2].id.clone()]);
        state.clock.advance(SignedDuration::from_hours(25));
        assert_eq!(state.live_keys_of(&user).count(), 0);
    }

    #[test]
    fn a_token_with_a_known_id_but_other_bytes_is_unknown() {
        let (mut state, tenant, user) = world();
        let key = state.put_key(&tenant, &user, "d", SignedDuration::from_hours(1));
        let forged = tokens::mint_api_key(&key.id, &user, &tenant, None);
        assert_eq!(state.authenticate_key(&tenant, &forged).unwrap_err(), DeadKey::Unknown);
    }
}
