//! Who is told of sign-ins that were refused: the account's owner on their next
//! page, administrators in the audit, the operator in the log. Whatever strangers
//! do, it stays small: two rows of an account, one row of the audit a day for each
//! account, and so many lines a minute.

use std::{fmt, net::IpAddr};

use aws_lc_rs::digest;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Actor, throttle::Place};
use crate::{
    Error, LogLines, Portal, Services, audit,
    store::{Tx, at, secs},
};

/// The audit has one row of an account for that time.
const DAY: i64 = 24 * 3600;
/// Bytes by which places are told apart.
const PLACE: usize = 4;
/// So many refused tries in a row are no slips any more.
const SLIPS: i64 = 5;
/// Places that are told apart; more are "at least so many".
const PLACES: usize = 64;

/// Refused sign-ins to one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusals {
    /// How many.
    pub tries: i64,
    /// When the first was.
    pub first_at: Timestamp,
    /// When the last was.
    pub last_at: Timestamp,
    /// From how many places.
    pub places: usize,
    /// From more places than are told apart.
    pub or_more: bool,
}

/// Why a sign-in was refused, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// No account has the e-mail.
    Nobody,
    /// The password is not the one.
    Password,
    /// The account may not sign in, or changed meanwhile.
    Status,
    /// Too many tries.
    TooMany,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nobody => "no account",
            Self::Password => "wrong password",
            Self::Status => "not active",
            Self::TooMany => "too many tries",
        })
    }
}

/// A sign-in that was refused.
pub(super) struct Refused<'a> {
    pub(super) portal: &'a Portal,
    /// Whose e-mail it was, where it is somebody's.
    pub(super) account: Option<(&'a str, &'a str)>,
    pub(super) ip: Option<IpAddr>,
    /// From a browser that the account knows.
    pub(super) known_device: bool,
    pub(super) why: Why,
}

/// What is counted, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Tally {
    tries: i64,
    first_at: i64,
    last_at: i64,
    places: Vec<u8>,
    audit_id: Option<i64>,
}

impl Tally {
    /// One more, after those of `before`.
    fn after(before: Option<Self>, place: [u8; PLACE], now: i64) -> Self {
        let first = || Self { tries: 0, first_at: now, last_at: now, places: Vec::new(), audit_id: None };
        let mut tally = before.unwrap_or_else(first);
        tally.tries = tally.tries.saturating_add(1);
        tally.last_at = now;
        let known = tally.places.chunks_exact(PLACE).any(|p| p == place);
        if !known && tally.places.len() < PLACES * PLACE {
            tally.places.extend_from_slice(&place);
        }
        tally
    }

    /// The audit's row for it is of another day, or of a clock that was ahead.
    fn is_over(&self, now: i64) -> bool {
        !(self.first_at..self.first_at.saturating_add(DAY)).contains(&now)
    }

    fn places(&self) -> usize {
        self.places.len() / PLACE
    }

    fn detail(&self, user_id: &str, email: &str) -> Value {
        json!({
            "user": user_id, "email": email, "count": self.tries, "addresses": self.places(),
            "first_at": self.first_at, "last_at": self.last_at,
        })
    }
}

impl From<Tally> for Refusals {
    fn from(tally: Tally) -> Self {
        Self {
            tries: tally.tries,
            first_at: at(tally.first_at),
            last_at: at(tally.last_at),
            places: tally.places(),
            or_more: tally.places() == PLACES,
        }
    }
}

/// A place as it is told apart from others of the same account.
fn mark(user_id: &str, place: Place) -> [u8; PLACE] {
    let hash = digest::digest(&digest::SHA256, format!("{user_id}\0{place:?}").as_bytes());
    let mut out = [0; PLACE];
    out.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    out
}

impl Services {
    /// Writes a refused try down, in one transaction whether the account exists or
    /// not: the answer comes as late.
    pub(super) async fn note_refused(&self, it: &Refused<'_>) -> Result<(), Error> {
        self.people().log.refused(it);
        let now = self.now();
        let mut tx = self.db().write().await?;
        if let Some(account) = it.account {
            note_of_account(&mut tx, it, account, now).await?;
        } else {
            note_of_stranger(&mut tx, &it.portal.id, secs(now)).await?;
        }
        Ok(tx.commit().await?)
    }

    /// A try that was not made, because there were too many: a line in the log.
    pub(super) fn note_put_off(&self, it: &Refused<'_>) {
        self.people().log.refused(it);
    }

    /// A few slips of the very person who now comes in from the same place are no news
    /// to them; many are, for others may sit at the same place.
    pub(super) async fn forget_own_slips(
        &self,
        tx: &mut Tx<'_>,
        user_id: &str,
        ip: Option<IpAddr>,
    ) -> Result<(), Error> {
        let place = mark(user_id, Place::from(ip));
        if stored(tx, user_id, "owner").await?.is_some_and(|t| t.places == place && t.tries < SLIPS) {
            sqlx::query!("DELETE FROM sign_in_refusals WHERE user_id = ? AND tells = 'owner'", user_id)
                .execute(&mut **tx)
                .await?;
        }
        Ok(())
    }

    /// Refused sign-ins to the actor's account that they were not told of; told
    /// with this, so asked for by a page that shows it.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn take_refusals(&self, a: &Actor) -> Result<Option<Refusals>, Error> {
        let there = sqlx::query_scalar!(
            r#"SELECT EXISTS(SELECT 1 FROM sign_in_refusals WHERE user_id = ? AND tells = 'owner') AS "there!: bool""#,
            a.user_id
        )
        .fetch_one(self.db().read())
        .await?;
        if !there {
            return Ok(None);
        }
        let mut tx = self.db().write().await?;
        let tally = stored(&mut tx, &a.user_id, "owner").await?;
        sqlx::query!("DELETE FROM sign_in_refusals WHERE user_id = ? AND tells = 'owner'", a.user_id)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(tally.map(Refusals::from))
    }

    /// The last day on which sign-ins to the actor's account were refused.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn last_refusals(&self, a: &Actor) -> Result<Option<Refusals>, Error> {
        let row = sqlx::query_as!(
            Tally,
            r#"SELECT tries AS "tries!", first_at AS "first_at!", last_at AS "last_at!", places AS "places!", audit_id
               FROM sign_in_refusals WHERE user_id = ? AND tells = 'audit'"#,
            a.user_id
        )
        .fetch_optional(self.db().read())
        .await?;
        Ok(row.map(Refusals::from))
    }

    /// Sign-ins that were refused because nobody in the actor's portal has the
    /// e-mail: how many, and when the last was.
    ///
    /// # Errors
    /// [`Error::NotAllowed`], [`Error::Store`].
    pub async fn refused_strangers(&self, a: &Actor) -> Result<Option<(i64, Timestamp)>, Error> {
        a.require_admin()?;
        let row = sqlx::query!(
            r#"SELECT tries AS "tries!", last_at AS "last_at!" FROM sign_in_strangers WHERE portal_id = ?"#,
            a.portal.id
        )
        .fetch_optional(self.db().read())
        .await?;
        Ok(row.map(|r| (r.tries, at(r.last_at))))
    }
}

async fn note_of_account(
    tx: &mut Tx<'_>,
    it: &Refused<'_>,
    (user_id, email): (&str, &str),
    now: Timestamp,
) -> Result<(), Error> {
    let (place, at) = (mark(user_id, Place::from(it.ip)), secs(now));
    // From a known browser as well: it may stand where others sit down.
    let before = stored(tx, user_id, "owner").await?;
    store(tx, user_id, "owner", &Tally::after(before, place, at)).await?;
    let before = stored(tx, user_id, "audit").await?.filter(|t| !t.is_over(at));
    let mut tally = Tally::after(before, place, at);
    let detail = tally.detail(user_id, email);
    let row = audit::tally(tx, &it.portal.id, audit::SIGN_IN_REFUSED, tally.audit_id, &detail, now).await?;
    tally.audit_id = Some(row);
    store(tx, user_id, "audit", &tally).await
}

async fn note_of_stranger(tx: &mut Tx<'_>, portal_id: &str, at: i64) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO sign_in_strangers (portal_id, tries, first_at, last_at) VALUES (?1, 1, ?2, ?2)
                     ON CONFLICT (portal_id) DO UPDATE SET tries = tries + 1, last_at = excluded.last_at",
        portal_id,
        at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn stored(tx: &mut Tx<'_>, user_id: &str, tells: &'static str) -> Result<Option<Tally>, Error> {
    Ok(sqlx::query_as!(
        Tally,
        r#"SELECT tries AS "tries!", first_at AS "first_at!", last_at AS "last_at!", places AS "places!", audit_id
           FROM sign_in_refusals WHERE user_id = ? AND tells = ?"#,
        user_id,
        tells
    )
    .fetch_optional(&mut **tx)
    .await?)
}

async fn store(tx: &mut Tx<'_>, user_id: &str, tells: &'static str, tally: &Tally) -> Result<(), Error> {
    // Who was removed meanwhile has no rows.
    sqlx::query!(
        "INSERT INTO sign_in_refusals (user_id, tells, tries, first_at, last_at, places, audit_id)
         SELECT id, ?2, ?3, ?4, ?5, ?6, ?7 FROM users WHERE id = ?1
         ON CONFLICT (user_id, tells) DO UPDATE SET tries = excluded.tries, first_at = excluded.first_at,
             last_at = excluded.last_at, places = excluded.places, audit_id = excluded.audit_id",
        user_id,
        tells,
        tally.tries,
        tally.first_at,
        tally.last_at,
        tally.places,
        tally.audit_id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Lines about refused sign-ins.
#[derive(Default)]
pub(super) struct Log {
    accounts: LogLines,
    strangers: LogLines,
}

impl Log {
    /// By the account's id, never by the e-mail that was typed: people type their
    /// password there.
    fn refused(&self, it: &Refused<'_>) {
        let lines = if it.account.is_some() { &self.accounts } else { &self.strangers };
        let Some(left_out) = lines.next() else { return };
        let (ip, known_device) = (it.ip, it.known_device);
        tracing::info!(
            portal.id = %it.portal.id,
            user.id = it.account.map_or("none", |(id, _)| id),
            ?ip,
            known_device,
            why = %it.why,
            left_out,
            "a sign-in was refused"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn of(places: impl IntoIterator<Item = u32>) -> Tally {
        let tally =
            places.into_iter().fold(None, |before, n| Some(Tally::after(before, n.to_be_bytes(), NOW)));
        tally.unwrap()
    }

    #[test]
    fn tries_are_counted_and_places_told_apart_up_to_a_number() {
        let some = of([1, 2, 1, 1, 3]);
        assert_eq!((some.tries, some.places()), (5, 3));
        let many = of(0..1000);
        assert_eq!((many.tries, many.places(), many.places.len()), (1000, PLACES, 256));
        assert!(Refusals::from(many).or_more);
    }

    #[test]
    fn a_day_of_the_audit_ends_and_one_of_the_future_never_began() {
        let tally = of([1]);
        assert!(!tally.is_over(NOW) && !tally.is_over(NOW + DAY - 1));
        assert!(tally.is_over(NOW + DAY) && tally.is_over(NOW - 1));
    }
}
