//! Control verbs for what exists: tenants, users, keys, integrations, content.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::Path;
use jiff::SignedDuration;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Done, On, Wrong, done};
use crate::clock::later;
use crate::duration;
use crate::world::{Moved, NewApp, NewIdp, NewTenant, NewUser, Tenant, UserStatus};

/// Splits `"tenant"` off a body and reads the rest.
pub(super) fn with_tenant<T: DeserializeOwned>(mut body: Value) -> Result<(String, T), Wrong> {
    let tenant = body
        .as_object_mut()
        .and_then(|members| members.remove("tenant"))
        .and_then(|tenant| tenant.as_str().map(str::to_owned))
        .ok_or_else(|| Wrong::request("\"tenant\" is missing"))?;
    let rest = serde_json::from_value(body).map_err(|error| Wrong::request(error.to_string()))?;
    Ok((tenant, rest))
}

fn length(text: &str, now: jiff::Timestamp) -> Result<SignedDuration, Wrong> {
    duration::parse(text, now).ok_or_else(|| Wrong::request(format!("{text:?} is no ISO 8601 duration")))
}

pub(super) async fn add_tenant(on: On, Json(new): Json<NewTenant>) -> Done {
    Ok(Json(json!(on.world.lock().add_tenant(new)?)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TenantChange {
    /// Empty takes it away.
    alias: Option<String>,
    max_key_expiry: Option<String>,
    max_keys_per_user: Option<u32>,
    session_idle_min: Option<u32>,
    session_max_min: Option<u32>,
    corporate_idp: Option<bool>,
    corporate_host: Option<String>,
    signs_in_by_own_name: Option<bool>,
    create_users_on_login: Option<bool>,
    jwt_makes_users: Option<bool>,
    jwt_takes_over_profile: Option<bool>,
    keys_work_after_s: Option<u32>,
    keys_work_after_calls: Option<u32>,
    /// A redirect's status; 0 ends it.
    redirect_to_permanent: Option<u16>,
    redirects_all: Option<bool>,
    permanent_links: Option<bool>,
}

pub(super) async fn change_tenant(
    on: On,
    Path(tenant): Path<String>,
    Json(change): Json<TenantChange>,
) -> Done {
    let mut state = on.world.lock();
    let id = state.find_tenant(&tenant)?.id.clone();
    if let Some(expiry) = &change.max_key_expiry {
        length(expiry, state.now())?;
    }
    if change.redirect_to_permanent.is_some_and(|status| status != 0 && !(300..400).contains(&status)) {
        return Err(Wrong::request("redirect_to_permanent must be a redirect's status, or 0"));
    }
    match change.alias.as_deref() {
        None => {}
        Some("") => drop(state.set_alias_host(&id, None)?),
        Some(alias) => drop(state.set_alias(&id, alias)?),
    }
    let tenant = state.find_tenant_mut(&id)?;
    change.behave(tenant);
    if let Some(expiry) = change.max_key_expiry {
        tenant.key_config.max_api_key_expiry = expiry;
    }
    if let Some(count) = change.max_keys_per_user {
        tenant.key_config.max_keys_per_user = count;
    }
    if change.session_idle_min.is_some() || change.session_max_min.is_some() {
        tenant.session_limits = Some((
            change.session_idle_min.unwrap_or(tenant.session_idle_minutes()),
            change.session_max_min.unwrap_or(tenant.session_max_minutes()),
        ));
    }
    if let Some(corporate) = change.corporate_idp {
        tenant.corporate_idp = corporate;
    }
    tenant.signs_in_by_own_name = change.signs_in_by_own_name.unwrap_or(tenant.signs_in_by_own_name);
    if let Some(host) = change.corporate_host {
        tenant.corporate_host = host.to_ascii_lowercase();
    }
    Ok(Json(json!(tenant.reference())))
}

impl TenantChange {
    /// What the tenant does on its own part.
    fn behave(&self, tenant: &mut Tenant) {
        let set = |switch: &mut bool, to: Option<bool>| *switch = to.unwrap_or(*switch);
        set(&mut tenant.create_users_on_login, self.create_users_on_login);
        set(&mut tenant.jwt_makes_users, self.jwt_makes_users);
        set(&mut tenant.jwt_takes_over_profile, self.jwt_takes_over_profile);
        set(&mut tenant.permanent_links, self.permanent_links);
        if let Some(seconds) = self.keys_work_after_s {
            tenant.keys_work_after = SignedDuration::from_secs(i64::from(seconds));
        }
        tenant.keys_work_after_calls = self.keys_work_after_calls.unwrap_or(tenant.keys_work_after_calls);
        if let Some(status) = self.redirect_to_permanent {
            tenant.moved = (status != 0).then_some(Moved { status, all: false });
        }
        if let (Some(all), Some(moved)) = (self.redirects_all, &mut tenant.moved) {
            moved.all = all;
        }
    }
}

pub(super) async fn add_user(on: On, Json(body): Json<Value>) -> Done {
    let (tenant, new): (_, NewUser) = with_tenant(body)?;
    Ok(Json(json!(on.world.lock().add_user(&tenant, new)?)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserChange {
    status: Option<UserStatus>,
    roles: Option<Vec<String>>,
    manage_api_keys: Option<bool>,
    may_read_users: Option<bool>,
    email: Option<String>,
    email_hidden: Option<bool>,
    subject: Option<String>,
    name: Option<String>,
}

pub(super) async fn change_user(on: On, Path(id): Path<String>, Json(change): Json<UserChange>) -> Done {
    on.world.lock().change_user(&id, |user| {
        user.status = change.status.unwrap_or(user.status);
        user.manage_api_keys = change.manage_api_keys.unwrap_or(user.manage_api_keys);
        user.may_read_users = change.may_read_users.or(user.may_read_users);
        user.email_hidden = change.email_hidden.unwrap_or(user.email_hidden);
        if let Some(roles) = change.roles {
            user.roles = roles;
        }
        if let Some(email) = change.email {
            user.email = email;
        }
        if let Some(subject) = change.subject {
            user.subject = subject;
        }
        if let Some(name) = change.name {
            user.name = name;
        }
    })?;
    Ok(done())
}

pub(super) async fn delete_user(on: On, Path(id): Path<String>) -> Done {
    on.world.lock().delete_user(&id)?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKey {
    user: String,
    #[serde(default)]
    description: String,
    lifetime: Option<String>,
}

pub(super) async fn create_key(on: On, Json(new): Json<NewKey>) -> Done {
    let mut state = on.world.lock();
    let lifetime = match &new.lifetime {
        Some(text) => length(text, state.now())?,
        None => SignedDuration::from_hours(72),
    };
    let key = state.create_key(&new.user, &new.description, lifetime)?;
    Ok(Json(json!({ "id": key.id, "token": key.token })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyChange {
    revoked: Option<bool>,
    expires_in: Option<String>,
    works_after_s: Option<u32>,
    works_after_calls: Option<u32>,
}

pub(super) async fn change_key(on: On, Path(id): Path<String>, Json(change): Json<KeyChange>) -> Done {
    let mut state = on.world.lock();
    let now = state.now();
    let expiry = match &change.expires_in {
        Some(text) => Some(later(now, length(text, now)?)),
        None => None,
    };
    let key = state.key_mut(&id)?;
    key.revoked = change.revoked.unwrap_or(key.revoked);
    key.expiry = expiry.unwrap_or(key.expiry);
    if let Some(seconds) = change.works_after_s {
        key.usable_from = later(now, SignedDuration::from_secs(i64::from(seconds)));
    }
    key.refusals_left = change.works_after_calls.unwrap_or(key.refusals_left);
    Ok(Json(json!(key.view(now))))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewIntegration {
    tenant: String,
    name: String,
    origins: Vec<String>,
}

pub(super) async fn add_web_integration(on: On, Json(new): Json<NewIntegration>) -> Done {
    let mut state = on.world.lock();
    let made = state.add_web_integration(&new.tenant, &new.name, new.origins, "")?;
    Ok(Json(json!({ "id": made.id })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Origins {
    origins: Vec<String>,
}

pub(super) async fn change_web_integration(
    on: On,
    Path(id): Path<String>,
    Json(change): Json<Origins>,
) -> Done {
    on.world.lock().integration_mut(&id)?.valid_origins = change.origins;
    Ok(done())
}

pub(super) async fn delete_web_integration(on: On, Path(id): Path<String>) -> Done {
    on.world.lock().remove_web_integration(&id)?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewProvider {
    tenant: String,
    issuer: String,
    kid: String,
    pem: String,
}

pub(super) async fn add_idp(on: On, Json(new): Json<NewProvider>) -> Done {
    let idp =
        NewIdp { issuer: &new.issuer, kid: &new.kid, pem: &new.pem, description: "", clock_tolerance_s: 5 };
    let mut state = on.world.lock();
    let id = state.add_idp(&new.tenant, &idp)?.id.clone();
    Ok(Json(json!({ "id": id })))
}

pub(super) async fn delete_idp(on: On, Path(id): Path<String>) -> Done {
    on.world.lock().remove_idp(&id)?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSpace {
    tenant: String,
    name: String,
    kind: String,
    #[serde(default)]
    members: BTreeSet<String>,
}

pub(super) async fn add_space(on: On, Json(new): Json<NewSpace>) -> Done {
    let id = on.world.lock().add_space(&new.tenant, &new.name, &new.kind, new.members)?;
    Ok(Json(json!({ "id": id })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Members {
    members: BTreeSet<String>,
}

pub(super) async fn change_space(on: On, Path(id): Path<String>, Json(change): Json<Members>) -> Done {
    on.world.lock().set_space_members(&id, change.members)?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClosedApp {
    tenant: String,
    owner: String,
    name: String,
}

pub(super) async fn add_closed_app(on: On, Json(new): Json<ClosedApp>) -> Done {
    let (app, space) = on.world.lock().add_closed_app(&new.tenant, &new.owner, &new.name)?;
    Ok(Json(json!({ "id": app, "space": space })))
}

pub(super) async fn add_app(on: On, Json(body): Json<Value>) -> Done {
    let (tenant, new): (_, NewApp) = with_tenant(body)?;
    let id = on.world.lock().add_app(&tenant, new)?;
    Ok(Json(json!({ "id": id })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    tenant: String,
}

pub(super) async fn end_sessions(on: On, Json(which): Json<Which>) -> Done {
    let mut state = on.world.lock();
    let id = state.find_tenant(&which.tenant)?.id.clone();
    state.sessions.end_all(&id);
    Ok(done())
}

pub(super) async fn rotate_csrf(on: On, Json(which): Json<Which>) -> Done {
    let mut state = on.world.lock();
    let id = state.find_tenant(&which.tenant)?.id.clone();
    state.sessions.rotate_csrf(&id);
    Ok(done())
}
