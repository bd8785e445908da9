//! Control verbs for the login host: its pages, its accounts, and what was tried.

use axum::Json;
use axum::extract::Path;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Done, On, Wrong, done};
use crate::world::{AccountCondition, LoginShape, NewAccount, State, WorldError};

/// The login host without passwords and codes.
pub(super) fn host_json(state: &State) -> Value {
    let login = &state.login;
    json!({
        "hosts": login.hosts,
        "shape": login.shape,
        "held": *login.hold.borrow(),
        "rate_limited_s": login.rate_limited_s,
        "block_s": login.block_for.as_secs(),
        "malformed": login.malformed,
        "accounts": accounts_json(state),
    })
}

/// Accounts, and e-mails that were tried without one.
fn accounts_json(state: &State) -> Vec<Value> {
    let accounts = &state.login.accounts;
    let known = accounts.emails().filter_map(|email| {
        let account = accounts.get(email)?;
        let tries = accounts.tries(email);
        let blocked = tries.blocked_until.is_some_and(|until| state.now() < until);
        Some(json!({
            "email": account.email, "subject": account.subject, "exists": true, "mfa": account.otp.is_some(),
            "condition": account.condition, "blocked": blocked, "tries": tries,
        }))
    });
    let strangers = accounts.all_tries().filter(|t| accounts.get(&t.email).is_none()).map(|tries| {
        let blocked = tries.blocked_until.is_some_and(|until| state.now() < until);
        json!({ "email": tries.email, "exists": false, "blocked": blocked, "tries": tries })
    });
    known.chain(strangers).collect()
}

pub(super) async fn read(on: On) -> Json<Value> {
    Json(host_json(&on.world.lock()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HostChange {
    shape: Option<LoginShape>,
    hold: Option<bool>,
    /// 0 ends it.
    rate_limited_s: Option<u32>,
    block_s: Option<u32>,
    hosts: Option<Vec<String>>,
}

pub(super) async fn change(on: On, Json(change): Json<HostChange>) -> Done {
    if change.hosts.as_ref().is_some_and(Vec::is_empty) {
        return Err(Wrong::request("the login host needs a name"));
    }
    {
        let mut state = on.world.lock();
        let login = &mut state.login;
        login.shape = change.shape.unwrap_or(login.shape);
        if let Some(seconds) = change.rate_limited_s {
            login.rate_limited_s = (seconds > 0).then_some(seconds);
        }
        if let Some(seconds) = change.block_s {
            login.block_for = SignedDuration::from_secs(i64::from(seconds));
        }
        if let Some(hosts) = change.hosts {
            login.hosts = hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        }
        if let Some(hold) = change.hold {
            login.hold.send_replace(hold);
        }
    }
    Ok(read(on).await)
}

pub(super) async fn accounts(on: On) -> Json<Value> {
    Json(accounts_json(&on.world.lock()).into())
}

pub(super) async fn add_account(on: On, Json(new): Json<NewAccount>) -> Done {
    if new.email.is_empty() || new.password.is_empty() {
        return Err(Wrong::request("an account needs an e-mail and a password"));
    }
    on.world.lock().add_account(new)?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountChange {
    password: Option<String>,
    /// Empty takes the second factor away.
    otp: Option<String>,
    condition: Option<AccountCondition>,
    blocked: Option<bool>,
    subject: Option<String>,
}

pub(super) async fn change_account(
    on: On,
    Path(email): Path<String>,
    Json(change): Json<AccountChange>,
) -> Done {
    let mut state = on.world.lock();
    let account = state.login.accounts.get_mut(&email)?;
    account.condition = change.condition.unwrap_or(account.condition);
    if let Some(password) = change.password {
        account.password = password;
    }
    if let Some(otp) = change.otp {
        account.otp = (!otp.is_empty()).then_some(otp);
    }
    if let Some(subject) = change.subject {
        account.subject = subject;
    }
    if let Some(blocked) = change.blocked {
        state.login.accounts.block(&email, blocked.then_some(Timestamp::MAX));
    }
    Ok(done())
}

pub(super) async fn delete_account(on: On, Path(email): Path<String>) -> Done {
    if on.world.lock().login.accounts.remove(&email) {
        return Ok(done());
    }
    Err(WorldError::Nothing("account", email).into())
}

pub(super) async fn forget_tries(on: On) -> Json<Value> {
    let mut state = on.world.lock();
    state.login.accounts.forget_tries();
    state.login.malformed = 0;
    done()
}
