//! What counts beside a user's own row: the hosts at which no sign-in is begun, and how
//! many sign-ins a portal has begun.
//!
//! This module must not decide anything by them.

use sqlx::SqliteExecutor;

use super::{
    core::{LONGEST, PACE_TIME, SKEW},
    settle::Sign,
    state::Around,
};
use crate::{
    connection::Connection,
    store::{StoreError, Tx},
};

/// Qlik's login host, where none was noted with the connection
/// (<https://help.qlik.com/en-US/cloud-services/Subsystems/Hub/Content/Sense_Hub/Admin/allowlist-domain-ip.htm>).
const QLIK_LOGIN: &str = "login.qlik.com";

/// Where the connection's users sign in, as it was noted at the Save.
fn login_host(at: &Connection) -> String {
    at.login_host.as_deref().unwrap_or(QLIK_LOGIN).to_ascii_lowercase()
}

/// What counts beside a user's own row.
pub(super) async fn around(
    db: impl SqliteExecutor<'_>,
    at: &Connection,
    now: i64,
) -> Result<Around, StoreError> {
    let (host, permanent) = (at.host.as_str(), at.permanent_host.as_str());
    let login = login_host(at);
    let (since, until) = (now - PACE_TIME, now + PACE_TIME);
    let longest = now + LONGEST + SKEW;
    let row = sqlx::query!(
        r#"SELECT (SELECT max(hold_until) FROM login_holds WHERE host IN (?1, ?2, ?3) AND hold_until <= ?4)
                      AS "host_hold?: i64",
                  count(*) AS "begun!: i64", min(begun_at) AS "oldest?: i64"
           FROM password_logins WHERE portal_id = ?5 AND begun_at > ?6 AND begun_at <= ?7"#,
        host,
        permanent,
        login,
        longest,
        at.portal_id,
        since,
        until
    )
    .fetch_one(db)
    .await?;
    Ok(Around { host_hold: row.host_hold, begun: row.begun, oldest: row.oldest })
}

/// Notes that a portal begins a sign-in, and forgets those that count no more.
pub(super) async fn note_begun(tx: &mut Tx<'_>, portal_id: &str, now: i64) -> Result<(), StoreError> {
    let (since, until) = (now - PACE_TIME, now + PACE_TIME);
    sqlx::query!(
        "DELETE FROM password_logins WHERE portal_id = ? AND (begun_at <= ? OR begun_at > ?)",
        portal_id,
        since,
        until
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!("INSERT INTO password_logins (portal_id, begun_at) VALUES (?, ?)", portal_id, now)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// How long a user's refusal makes another one's count, in seconds.
const SECONDED_FOR: i64 = 10 * 60;

/// Notes what a host said of too many tries in answer to a user's, and holds sign-ins
/// there as far as that goes.
pub(super) async fn note_sign(
    tx: &mut Tx<'_>,
    at: &Connection,
    user_id: &str,
    sign: Sign<'_>,
    now: i64,
) -> Result<(), StoreError> {
    if !sign.wide {
        return Ok(());
    }
    let (host, since) = (sign.host, now - SECONDED_FOR);
    sqlx::query!("DELETE FROM login_signs WHERE seen_at <= ? OR seen_at > ?", since, now)
        .execute(&mut **tx)
        .await?;
    let others = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!: i64" FROM login_signs WHERE host = ? AND user_id <> ?"#,
        host,
        user_id
    )
    .fetch_one(&mut **tx)
    .await?;
    sqlx::query!(
        "INSERT INTO login_signs (host, user_id, seen_at) VALUES (?, ?, ?)
         ON CONFLICT (host, user_id) DO UPDATE SET seen_at = excluded.seen_at",
        host,
        user_id,
        now
    )
    .execute(&mut **tx)
    .await?;
    match sign.holds_all(now, others > 0) {
        Some(until) => hold(tx, at, host, until, now).await,
        None => Ok(()),
    }
}

/// Lets no password sign-in of this connection begin until then, nor any other at the
/// host that asked for it. A login host that is not the one noted with the connection
/// holds that up too: which one a sign-in leads to is seen only on the way.
async fn hold(tx: &mut Tx<'_>, at: &Connection, host: &str, until: i64, now: i64) -> Result<(), StoreError> {
    hold_host(tx, host, until, now).await?;
    let (login, is_tenants) =
        (login_host(at), [at.host.as_str(), at.permanent_host.as_str()].contains(&host));
    if !is_tenants && login != host {
        hold_host(tx, &login, until, now).await?;
    }
    Ok(())
}

/// Lets no password sign-in begin at a host until then. A hold is never made shorter,
/// but one that a clock wrote which has been put back since is none.
async fn hold_host(tx: &mut Tx<'_>, host: &str, until: i64, now: i64) -> Result<(), StoreError> {
    let longest = now + LONGEST + SKEW;
    sqlx::query!("DELETE FROM login_holds WHERE hold_until <= ? OR hold_until > ?", now, longest)
        .execute(&mut **tx)
        .await?;
    sqlx::query!(
        "INSERT INTO login_holds (host, hold_until) VALUES (?, ?)
         ON CONFLICT (host) DO UPDATE SET hold_until = max(hold_until, excluded.hold_until)",
        host,
        until
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeClock, services};

    const NOW: i64 = 1_800_000_000;

    #[tokio::test]
    async fn a_hold_of_a_host_is_never_made_shorter_but_for_one_of_a_clock_that_was_put_back() {
        let portal = services(FakeClock::new(crate::store::at(NOW))).await.unwrap();
        let day = LONGEST + SKEW;
        let table = [(60, 60), (1800, 1800), (60, 1800), (day, day), (60, day)];
        let mut tx = portal.db().write().await.unwrap();
        let mut held = async |asked: i64, now: i64| {
            hold_host(&mut tx, "login.qlik.com", now + asked, now).await.unwrap();
            let until = sqlx::query_scalar!(r#"SELECT hold_until AS "h!" FROM login_holds"#);
            until.fetch_one(&mut *tx).await.unwrap() - now
        };
        for (asked, left) in table {
            assert_eq!(held(asked, NOW).await, left, "{asked}");
        }
        assert_eq!(held(60, NOW - 1).await, 60, "further off than any hold is");
    }
}
