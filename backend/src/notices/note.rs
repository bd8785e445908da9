//! From a change of a renewal's state to the outbox, in the change's own
//! transaction: the notice is there if and only if the change is.

use super::{
    decide::{News, Told, arise, next_check},
    examined::examined,
    subscriber::{Subscriber, post},
    words::About,
};
use crate::{
    Error, Services,
    doctor::Report,
    renewal::State,
    store::{StoreError, Tx},
};

/// Writes the notices that arise from the step of a portal's renewal from
/// `before` to `after`. To be called after the state itself was written.
///
/// # Errors
/// [`Error::Store`]; the step must then not be kept either.
pub(crate) async fn note(
    s: &Services,
    tx: &mut Tx<'_>,
    portal_id: &str,
    before: &State,
    after: &State,
) -> Result<(), Error> {
    let now = s.now().as_second();
    let stored = told(tx, portal_id).await?;
    let known = stored.is_some();
    let told = stored.unwrap_or_default();
    let whom = Subscriber::load(&mut **tx, portal_id).await?;
    let (news, next) = arise(before, after, &told, whom.repeat, now);
    for news in news.iter().filter(|n| whom.tell_renewed || **n != News::Renewed) {
        let about = About { portal: &whom.portal, origin: &whom.origin, state: Some(after) };
        post(s, tx, &whom, news, &about).await?;
    }
    let check_at = next_check(after, &next, now);
    // Most steps tell nothing new: the row is written where it changed alone.
    if known && next == told && before.current == after.current && before != after {
        return Ok(());
    }
    let json = to_json(&next)?;
    sqlx::query!(
        "INSERT INTO notice_state (portal_id, told, check_at) VALUES (?, ?, ?)
         ON CONFLICT (portal_id) DO UPDATE SET told = excluded.told, check_at = excluded.check_at",
        portal_id,
        json,
        check_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// No key is in use: nothing of one is told any more, nor watched.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn note_no_key(tx: &mut Tx<'_>, portal_id: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO notice_state (portal_id, told, check_at) VALUES (?, '{}', NULL)
         ON CONFLICT (portal_id) DO UPDATE SET told = excluded.told, check_at = NULL",
        portal_id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// As [`note`], for an examination of the connection.
///
/// # Errors
/// [`Error::Store`]; the report must then not be kept either.
pub(crate) async fn note_report(
    s: &Services,
    tx: &mut Tx<'_>,
    portal_id: &str,
    before: Option<&Report>,
    report: &Report,
) -> Result<(), Error> {
    let now = s.now().as_second();
    let Some(told) = told(tx, portal_id).await? else { return Ok(()) };
    let whom = Subscriber::load(&mut **tx, portal_id).await?;
    let (news, next) = examined(before, report, &told, whom.repeat, now);
    if let Some(news) = news {
        let about = About { portal: &whom.portal, origin: &whom.origin, state: None };
        post(s, tx, &whom, &news, &about).await?;
    }
    if next != told {
        let json = to_json(&next)?;
        sqlx::query!("UPDATE notice_state SET told = ? WHERE portal_id = ?", json, portal_id)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

async fn told(tx: &mut Tx<'_>, portal_id: &str) -> Result<Option<Told>, Error> {
    let row = sqlx::query!("SELECT told FROM notice_state WHERE portal_id = ?", portal_id)
        .fetch_optional(&mut **tx)
        .await?;
    let bad = StoreError::Inconsistent { table: "notice_state", column: "told" };
    row.map(|row| serde_json::from_str(&row.told).map_err(|_| bad.into())).transpose()
}

fn to_json(told: &Told) -> Result<String, Error> {
    serde_json::to_string(told).map_err(|_| Error::Internal("what was told can't be written as JSON"))
}
