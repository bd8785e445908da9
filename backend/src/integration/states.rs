//! What a save makes of the renewal's state: another key in use, or none any more.

use crate::{
    Services,
    renewal::{KeyRef, Phase, Retiring, Row, State, due_at, next_look},
    store::{StoreError, Tx},
};

/// The state with this key in use. A key that it replaces is retired as a
/// renewal would; what an attempt under way left at Qlik is swept.
pub(super) fn next_state(fresh: Option<&Row>, current: KeyRef, services: &Services, now: i64) -> State {
    // What a look ahead would find was just checked.
    let look_at = next_look(now, services.policy(), services.jitter());
    let Some(old) = fresh.map(|r| &r.state) else {
        let renew_at = due_at(&current, services.jitter());
        return State::new(current, renew_at, look_at);
    };
    if old.resting {
        // No key was in use; what is left of earlier ones goes on its way.
        let mut state = State::new(current, 0, look_at);
        state.renew_at = due_at(&state.current, services.jitter());
        state.retiring.clone_from(&old.retiring);
        state.retiring.retain(|r| r.key.key_id != state.current.key_id);
        state.stray.clone_from(&old.stray);
        return state;
    }
    if old.current.key_id == current.key_id {
        // The same key: its date and any attempt stay as they are; it was just seen to work.
        return State { need: None, failing: None, look_at, ahead: None, ..old.clone() };
    }
    let renew_at = due_at(&current, services.jitter());
    let mut state = State::new(current, renew_at, look_at);
    let delete_at = now + services.policy().grace;
    state.retiring.clone_from(&old.retiring);
    if let Phase::Staged { new, .. } | Phase::Proved { new, .. } = &old.phase {
        state.retiring.push(Retiring { key: new.clone(), delete_at, tries: 0, set_at: now });
    }
    state.retiring.push(Retiring { key: old.current.clone(), delete_at, tries: 0, set_at: now });
    // Pasted again while it was on its way out: it stays.
    let again = state.current.key_id.clone();
    state.retiring.retain(|r| r.key.key_id != again);
    let creating = matches!(old.phase, Phase::Creating { .. });
    state.sweep = creating || old.sweep;
    state.sweep_at = if creating { Some(now + services.policy().late) } else { old.sweep_at };
    state.stray.clone_from(&old.stray);
    state
}

/// The state where no key is in use any more. The one that was is not on its way out
/// yet: it may be kept for the way back.
pub(super) fn at_rest(old: &State, now: i64) -> State {
    let mut state = State {
        resting: true,
        phase: Phase::Active,
        need: None,
        failing: None,
        requested: false,
        ahead: None,
        sweep: false,
        sweep_at: None,
        unswept: None,
        ..old.clone()
    };
    if let Phase::Staged { new, .. } | Phase::Proved { new, .. } = &old.phase {
        state.retiring.push(Retiring { key: new.clone(), delete_at: now, tries: 0, set_at: now });
        state.retiring.sort_by_key(|r| r.delete_at);
    }
    state
}

/// The rows of the keys that the state retires, the current one among them.
pub(super) async fn retire_rows(tx: &mut Tx<'_>, portal: &str, state: &State) -> Result<(), StoreError> {
    for r in &state.retiring {
        sqlx::query!(
            "UPDATE api_keys SET state = 'retiring' WHERE portal_id = ? AND key_id = ? AND state IN ('current', 'staged', 'kept')",
            portal,
            r.key.key_id
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}
