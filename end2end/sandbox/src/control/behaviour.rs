//! Control verbs for time, faults, limits, switches, and for looking at things.

use axum::Json;
use axum::extract::Path;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Done, On, Wrong, done};
use crate::clock::Clock;
use crate::demo;
use crate::faults::Fault;
use crate::gateway::NoWebsocket;
use crate::world::State;

fn to_json(value: impl serde::Serialize) -> Result<Value, Wrong> {
    serde_json::to_value(value).map_err(|error| Wrong::request(error.to_string()))
}

/// The world without secrets: views only, never tokens, cookies or signatures.
pub(super) async fn state(on: On) -> Done {
    let state = on.world.lock();
    let now = state.now();
    let tenants = state.tenants.iter().map(|tenant| tenant_json(&state, tenant, now));
    Ok(Json(json!({
        "now": now,
        "tenants": tenants.collect::<Result<Vec<_>, _>>()?,
        "events": state.events,
        "login_host": super::sign_in::host_json(&state),
        "faults": fault_list(&state),
        "switches": state.switches,
        "requests": state.log.entries().len(),
    })))
}

fn tenant_json(state: &State, tenant: &crate::world::Tenant, now: Timestamp) -> Result<Value, Wrong> {
    let of = |owner: &String| *owner == tenant.id;
    let users: Vec<_> = state
        .users
        .iter()
        .filter(|u| of(&u.tenant))
        .map(|u| {
            json!({
                "id": u.id, "subject": u.subject, "name": u.name, "email": u.email,
                "email_hidden": u.email_hidden, "status": u.status, "roles": u.roles,
                "manage_api_keys": u.manage_api_keys, "may_read_users": u.rights().read_users,
            })
        })
        .collect();
    let integrations: Vec<_> = state
        .integrations_of(&tenant.id)
        .map(|w| json!({ "id": w.id, "name": w.name, "origins": w.valid_origins }))
        .collect();
    let spaces: Vec<_> = state
        .spaces
        .iter()
        .filter(|s| of(&s.tenant))
        .map(|s| json!({ "id": s.id, "name": s.name, "kind": s.kind, "members": s.members }))
        .collect();
    let apps: Vec<_> = state
        .apps
        .iter()
        .filter(|a| of(&a.tenant))
        .map(|a| {
            json!({
                "id": a.id, "name": a.name, "owner": a.owner, "space": a.space, "readers": a.readers,
                "updated": a.updated, "reloaded": a.reloaded,
            })
        })
        .collect();
    let keys: Vec<_> = state.keys.iter().filter(|k| of(&k.tenant)).map(|k| k.view(now)).collect();
    let idps: Vec<_> = state.idps_of(&tenant.id).map(crate::world::Idp::view).collect();
    let clients: Vec<_> =
        state.oauth.clients.iter().filter(|c| of(&c.tenant)).map(super::oauth::client_json).collect();
    Ok(json!({
        "id": tenant.id,
        "name": tenant.name,
        "alias_host": tenant.alias_host,
        "permanent_host": tenant.permanent_host,
        "max_key_expiry": tenant.key_config.max_api_key_expiry,
        "max_keys_per_user": tenant.key_config.max_keys_per_user,
        "session_idle_min": tenant.session_idle_minutes(),
        "session_max_min": tenant.session_max_minutes(),
        "corporate_idp": tenant.corporate_idp,
        "corporate_host": tenant.corporate_host,
        "signs_in_by_own_name": tenant.signs_in_by_own_name,
        "create_users_on_login": tenant.create_users_on_login,
        "jwt_makes_users": tenant.jwt_makes_users,
        "jwt_takes_over_profile": tenant.jwt_takes_over_profile,
        "keys_work_after_s": tenant.keys_work_after.as_secs(),
        "keys_work_after_calls": tenant.keys_work_after_calls,
        "redirect_to_permanent": tenant.moved.map(|moved| moved.status),
        "redirects_all": tenant.moved.is_some_and(|moved| moved.all),
        "permanent_links": tenant.permanent_links,
        "oauth_clients": clients,
        "oauth_tokens": to_json(state.token_views(&tenant.id))?,
        "users": users,
        "keys": to_json(keys)?,
        "web_integrations": integrations,
        "idps": to_json(idps)?,
        "spaces": spaces,
        "apps": apps,
        "sessions": to_json(state.sessions.views(&tenant.id, now))?,
    }))
}

pub(super) async fn demo(on: On) -> Done {
    let demo = on.demo.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    match demo {
        Some(demo) => Ok(Json(to_json(demo)?)),
        None => Err(crate::world::WorldError::Nothing("demo world", String::new()).into()),
    }
}

pub(super) async fn reset(on: On) -> Done {
    let mut fresh = State::new(Clock::starting(on.start));
    fresh.login.hosts.extend(on.login_hosts.clone());
    let seeded = match &on.options {
        Some(options) => Some(demo::seed(&mut fresh, options)?),
        None => None,
    };
    *on.world.lock() = fresh;
    on.demo.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone_from(&seeded);
    Ok(Json(to_json(seeded)?))
}

fn clock_json(clock: Clock) -> Json<Value> {
    Json(json!({ "now": clock.now(), "frozen": matches!(clock, Clock::Frozen(_)) }))
}

pub(super) async fn clock(on: On) -> Json<Value> {
    clock_json(on.world.lock().clock)
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Move {
    AdvanceS(i64),
    Set(Timestamp),
    RunFrom(Timestamp),
    Real(bool),
}

pub(super) async fn move_clock(on: On, Json(how): Json<Move>) -> Json<Value> {
    let mut state = on.world.lock();
    match how {
        Move::AdvanceS(seconds) => state.clock.advance(SignedDuration::from_secs(seconds)),
        Move::Set(at) => state.clock.freeze_at(at),
        Move::RunFrom(at) => state.clock.run_from(at),
        Move::Real(true) => state.clock = Clock::starting(None),
        Move::Real(false) => {}
    }
    clock_json(state.clock)
}

fn fault_list(state: &State) -> Vec<Value> {
    state
        .faults
        .list()
        .into_iter()
        .map(|(id, strikes, fault)| json!({ "id": id, "strikes": strikes, "fault": fault }))
        .collect()
}

pub(super) async fn faults(on: On) -> Json<Value> {
    Json(fault_list(&on.world.lock()).into())
}

pub(super) async fn add_fault(on: On, Json(fault): Json<Fault>) -> Json<Value> {
    Json(json!({ "id": on.world.lock().faults.add(fault) }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Blocked {
    how: NoWebsocket,
}

pub(super) async fn block_websockets(on: On, Json(blocked): Json<Blocked>) -> Json<Value> {
    Json(json!({ "id": on.world.block_websockets(blocked.how) }))
}

pub(super) async fn clear_faults(on: On) -> Json<Value> {
    on.world.lock().faults.clear();
    done()
}

pub(super) async fn remove_fault(on: On, Path(id): Path<u64>) -> Done {
    if on.world.lock().faults.remove(id) {
        return Ok(done());
    }
    Err(crate::world::WorldError::Nothing("fault", id.to_string()).into())
}

pub(super) async fn log(on: On) -> Done {
    Ok(Json(to_json(on.world.log())?))
}

pub(super) async fn clear_log(on: On) -> Json<Value> {
    on.world.clear_log();
    done()
}

pub(super) async fn events(on: On) -> Done {
    Ok(Json(to_json(on.world.events())?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RateLimits {
    on: bool,
    #[serde(default = "tier1")]
    tier1_per_min: u32,
    #[serde(default = "tier2")]
    tier2_per_min: u32,
}

fn tier1() -> u32 {
    1_000
}

fn tier2() -> u32 {
    100
}

pub(super) async fn rate_limits(on: On, Json(limits): Json<RateLimits>) -> Json<Value> {
    on.world.set_rate_limits(limits.on, limits.tier1_per_min, limits.tier2_per_min);
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Delay {
    seconds: u32,
}

pub(super) async fn fresh_key_delay(on: On, Json(delay): Json<Delay>) -> Json<Value> {
    on.world.set_fresh_key_delay(SignedDuration::from_secs(i64::from(delay.seconds)));
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Skew {
    seconds: i64,
}

pub(super) async fn fresh_idp_delay(on: On, Json(delay): Json<Delay>) -> Json<Value> {
    on.world.set_fresh_idp_delay(SignedDuration::from_secs(i64::from(delay.seconds)));
    done()
}

pub(super) async fn date_skew(on: On, Json(skew): Json<Skew>) -> Json<Value> {
    on.world.set_date_skew(SignedDuration::from_secs(skew.seconds));
    done()
}

pub(super) async fn switches(on: On) -> Done {
    Ok(Json(to_json(&on.world.lock().switches)?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    explain_dead_keys: Option<bool>,
    key_config_needs_admin: Option<bool>,
    web_integrations_need_admin: Option<bool>,
    list_key_scope: Option<bool>,
    deleted_idp_ends_sessions: Option<bool>,
    keys_tell_when_made: Option<bool>,
    deleted_users_are_shown: Option<bool>,
}

pub(super) async fn change_switches(on: On, Json(change): Json<Change>) -> Done {
    on.world.switch(|switches| {
        let set = |switch: &mut bool, to: Option<bool>| *switch = to.unwrap_or(*switch);
        set(&mut switches.explain_dead_keys, change.explain_dead_keys);
        set(&mut switches.key_config_needs_admin, change.key_config_needs_admin);
        set(&mut switches.web_integrations_need_admin, change.web_integrations_need_admin);
        set(&mut switches.list_key_scope, change.list_key_scope);
        set(&mut switches.deleted_idp_ends_sessions, change.deleted_idp_ends_sessions);
        set(&mut switches.keys_tell_when_made, change.keys_tell_when_made);
        set(&mut switches.deleted_users_are_shown, change.deleted_users_are_shown);
    });
    switches(on).await
}
