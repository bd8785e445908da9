//! What is written beside the state, in the transaction of the same step: it is
//! there if and only if the step is, wherever the process ended.

use super::world::Shared;
use crate::{
    audit,
    renewal::{Phase, State},
    store::Db,
};

/// The rows of the keys say what the state says.
pub(super) async fn keys_agree(shared: &Shared, state: &State) -> Result<(), String> {
    let rows = sqlx::query_as::<_, (String, String, bool)>(
        "SELECT key_id, state, sealed_token IS NOT NULL FROM api_keys ORDER BY key_id",
    )
    .fetch_all(shared.db.read())
    .await
    .unwrap();
    let mut expected = vec![(state.current.key_id.clone(), "current")];
    expected.extend(state.retiring.iter().map(|r| (r.key.key_id.clone(), "retiring")));
    if let Phase::Staged { new, .. } | Phase::Proved { new, .. } = &state.phase {
        expected.push((new.key_id.clone(), "staged"));
    }
    expected.sort();
    let found: Vec<(String, &str)> =
        rows.iter().filter(|r| r.1 != "gone").map(|r| (r.0.clone(), r.1.as_str())).collect();
    if found != expected {
        return Err(format!("the keys' rows {found:?} are not those of the state {expected:?}"));
    }
    match rows.iter().find(|(_, state, sealed)| (state == "gone") == *sealed) {
        Some(row) => Err(format!("a token is kept or lost: {row:?}")),
        None => Ok(()),
    }
}

/// From now on the portal tells of each renewal too, by a webhook that nobody sends.
pub(super) async fn subscribe(db: &Db, portal_id: &str) {
    let mut tx = db.write().await.unwrap();
    sqlx::query(
        "INSERT INTO notice_settings (portal_id, webhook_url, tell_renewed) VALUES (?, 'https://sim.example', 1)",
    )
    .bind(portal_id)
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
}

/// What was told, and what was written down beside it.
struct Told {
    /// Kind and key, oldest first.
    notices: Vec<(String, String)>,
    /// Action and key, of renewals and of savings.
    audit: Vec<(String, String)>,
    /// Keys that were never in use.
    staged: Vec<String>,
}

impl Told {
    async fn load(shared: &Shared) -> Self {
        let db = shared.db.read();
        let notices = sqlx::query_as("SELECT kind, payload ->> '$.data.key_id' FROM outbox ORDER BY rowid");
        let audit = sqlx::query_as(
            "SELECT action, COALESCE(detail ->> '$.new_key', detail ->> '$.key') FROM audit
             WHERE action IN (?, ?) ORDER BY id",
        )
        .bind(audit::KEY_RENEWED)
        .bind(audit::INTEGRATION_SAVED);
        let staged = sqlx::query_scalar("SELECT key_id FROM api_keys WHERE state = 'staged'");
        Self {
            notices: notices.fetch_all(db).await.unwrap(),
            audit: audit.fetch_all(db).await.unwrap(),
            staged: staged.fetch_all(db).await.unwrap(),
        }
    }

    fn of<'a>(&'a self, kinds: &'a [&str]) -> impl DoubleEndedIterator<Item = &'a (String, String)> {
        self.notices.iter().filter(move |(kind, _)| kinds.contains(&kind.as_str()))
    }

    fn count(&self, kind: &str, key: &str) -> usize {
        self.of(&[kind]).filter(|(_, k)| k == key).count()
    }

    fn audited<'a>(&'a self, action: &'a str) -> impl Iterator<Item = &'a String> {
        self.audit.iter().filter(move |(a, _)| a == action).map(|(_, key)| key)
    }
}

/// Each step that is to be told has its notice, and each notice its step.
pub(super) async fn notices_agree(shared: &Shared, state: &State) -> Result<(), String> {
    let told = Told::load(shared).await;
    let in_use = state.current.key_id.as_str();
    new_keys(&told)?;
    // A need is over with what is told as a recovery, and with nothing else.
    let last = told.of(&["renewal.person_needed", "renewal.recovered"]).next_back();
    let asked = last.is_some_and(|(kind, _)| kind == "renewal.person_needed");
    if asked != state.need.is_some() {
        return Err(format!("told last: {last:?}; needed: {:?}", state.need));
    }
    let fails = state.failing.as_ref().is_some_and(|f| f.attempts > 0);
    let at_risk = state.ahead.as_ref().is_some_and(|a| a.trouble().is_some());
    // Saving the same key anew sets both back, and tells nothing.
    let pasted = shared.tenant().keys.get(in_use).is_some_and(|k| k.pasted);
    let saved = told.audited(audit::INTEGRATION_SAVED).filter(|key| *key == in_use).count();
    let saved_anew = saved > usize::from(pasted);
    match told.count("renewal.failed", in_use) {
        0 if fails => return Err(format!("nobody was told that {in_use} could not be renewed")),
        1 if !fails && !saved_anew => return Err(format!("told of a failure of {in_use} that is none")),
        2.. => return Err(format!("the first failure of {in_use} was told again")),
        _ => {}
    }
    if at_risk && told.of(&["renewal.at_risk"]).next().is_none() {
        return Err("nobody was told that the coming renewal is at risk".to_owned());
    }
    if told.count("renewal.at_risk", in_use) > 0 && state.ahead.is_none() && !saved_anew {
        return Err("told of a risk that was never seen".to_owned());
    }
    Ok(())
}

/// Each renewal is told, as such or as a recovery, and no key that is not in use.
fn new_keys(told: &Told) -> Result<(), String> {
    const NEW: [&str; 2] = ["key.renewed", "renewal.recovered"];
    if let Some(key) = told.audited(audit::KEY_RENEWED).find(|k| !told.of(&NEW).any(|(_, t)| t == *k)) {
        return Err(format!("{key} was renewed to, and nobody was told"));
    }
    if let Some(early) = told.of(&NEW).find(|(_, key)| told.staged.contains(key)) {
        return Err(format!("told of a key that is not in use: {early:?}"));
    }
    let renewed = |key: &String| told.audited(audit::KEY_RENEWED).any(|k| k == key);
    match told.of(&["key.renewed"]).find(|(kind, key)| !renewed(key) || told.count(kind, key) > 1) {
        Some(notice) => Err(format!("told twice, or without a renewal: {notice:?}")),
        None => Ok(()),
    }
}
