//! The checks that the key makes: tenant, key, owner, lifetime, renewal, web
//! integration, origin, users.

use jiff::{SignedDuration, Timestamp};
use qlik::{
    ApiKey, ApiKeyQuery, KeyStatus, Qlik, Tenant, TenantInfo, User, UserStatus,
    error::{Error as QlikError, ErrorKind},
    host::ConsolePage,
};

use super::{checks::Candidate, report::Note};
use crate::{
    Error,
    renewal::{KeyRef, lead},
    words,
};

pub(super) type Made<T> = Result<(Note, Option<T>), Error>;

const NEW_KEY: &str = "Make a new key in Qlik and paste it here; everything else stays as it is.";

impl Candidate<'_> {
    pub(super) fn tenant_with_key(&self, qlik: &Qlik) -> Tenant {
        qlik.with_key(self.host, self.key.clone())
    }

    /// A failed check in the words of the error.
    pub(super) fn failed<T>(&self, e: &QlikError) -> (Note, Option<T>) {
        let said = words::of(e, self.host.as_str());
        (Note::failed(said.says, said.remedy).codes(e), None)
    }

    fn keys_link(&self, note: Note) -> Note {
        note.link("Open API keys in Qlik", self.host.console_url(ConsolePage::ApiKeys))
    }

    pub(super) async fn tenant(&self, qlik: &Qlik) -> Made<()> {
        Ok(match qlik.anonymous(self.host).probe().await {
            Ok(_) => (Note::passed(format!("{} is a Qlik tenant.", self.host)), Some(())),
            Err(e) if e.kind() == ErrorKind::NotFound => {
                let says = format!("Qlik has no tenant at {}.", self.host);
                (Note::failed(says, "Compare it with the address bar of your Qlik Cloud.").codes(&e), None)
            }
            Err(e) => self.failed(&e),
        })
    }

    pub(super) async fn key(&self, qlik: &Qlik, refused: &mut bool) -> Made<TenantInfo> {
        let claims = self.key.claims();
        let of_key = claims.tenant_id.as_deref();
        let other = |note: Note| self.keys_link(note);
        Ok(match self.tenant_with_key(qlik).tenant_me().await {
            Ok(tenant) if of_key.is_some_and(|t| t != tenant.id) => {
                let says = format!("The key belongs to another Qlik tenant than {}.", self.host);
                (other(Note::failed(says, "Make a key in this tenant and paste it here.")), None)
            }
            Ok(tenant) => {
                let region =
                    tenant.region.as_deref().or(tenant.datacenter.as_deref()).unwrap_or("region unknown");
                let permanent = tenant.hostnames.first().map_or(self.host.as_str(), String::as_str);
                (
                    Note::passed(format!("{} accepts the key ({region}, {permanent}).", self.host)),
                    Some(tenant),
                )
            }
            Err(e) if e.kind() == ErrorKind::Unauthorized => {
                *refused = true;
                let wrong_tenant = e.code() == Some("AUTH-5")
                    || self.known_tenant.zip(of_key).is_some_and(|(known, key)| known != key);
                let expired = claims.exp.is_some_and(|t| t <= qlik.clock().now());
                let note = if wrong_tenant {
                    Note::failed(
                        format!("The key belongs to another Qlik tenant than {}.", self.host),
                        "Make a key in this tenant and paste it here.",
                    )
                } else if expired || e.code() == Some("APIKEYS-18") {
                    Note::failed("The key is expired or revoked.", NEW_KEY)
                } else {
                    let whose = of_key
                        .map_or_else(String::new, |t| format!(" It was made in the tenant with the id {t}."));
                    Note::failed(
                        format!(
                            "{} refuses the key.{whose} It is another tenant's, expired or revoked, or its owner is \
                             disabled or lacks the permission Manage API keys.",
                            self.host
                        ),
                        "Make the key in this tenant, as a user for whom Manage API keys is Allowed (old tenants: with \
                         the Developer role), and paste it here.",
                    )
                };
                (other(note).codes(&e), None)
            }
            Err(e) => self.failed(&e),
        })
    }

    pub(super) async fn owner(&self, qlik: &Qlik) -> Made<User> {
        Ok(match self.tenant_with_key(qlik).user_me().await {
            Ok(me) if me.status != UserStatus::Active => {
                let says = format!("The key belongs to {}, who is not active in Qlik.", name(&me));
                (Note::failed(says, "Enable the user in Qlik, or paste a key of another user."), None)
            }
            Ok(me) => {
                let admin = if me.is_tenant_admin() { ", a Tenant Admin" } else { "" };
                (Note::passed(format!("The key belongs to {}{admin}.", name(&me))), Some(me))
            }
            Err(e) => self.failed(&e),
        })
    }

    pub(super) async fn lifetime(&self, qlik: &Qlik, now: Timestamp) -> Made<ApiKey> {
        let Some(id) = self.key.claims().jti.as_deref() else {
            return Ok((
                Note::failed("The key carries no id, so its expiry can't be learnt.", NEW_KEY),
                None,
            ));
        };
        Ok(match self.tenant_with_key(qlik).api_key(id).await {
            Ok(key) if key.status != KeyStatus::Active || key.expiry <= now => {
                (self.keys_link(Note::failed("The key is expired or revoked.", NEW_KEY)), None)
            }
            Ok(key) => {
                let left = words_of(key.expiry.duration_since(now));
                let says = format!("The key is active until {} ({left} left).", day(key.expiry));
                let at = KeyRef {
                    key_id: String::new(),
                    created_at: key.created.unwrap_or(now).as_second(),
                    expires_at: key.expiry.as_second(),
                };
                let note = if now.as_second() >= at.expires_at - lead(&at) {
                    Note::warning(says, "It is due, so it is renewed as soon as it is saved.")
                } else {
                    Note::passed(says)
                };
                (note, Some(key))
            }
            Err(e) if e.kind() == ErrorKind::NotFound => (
                self.keys_link(
                    Note::failed("Qlik does not know this key; it was deleted.", NEW_KEY).codes(&e),
                ),
                None,
            ),
            Err(e) => self.failed(&e),
        })
    }

    /// Whether the coming renewal finds a free place, and how long its key may live.
    pub(super) async fn renewal(
        &self,
        qlik: &Qlik,
        tenant: &TenantInfo,
        owner: &User,
        key: &ApiKey,
    ) -> Made<()> {
        let with_key = self.tenant_with_key(qlik);
        let config = match with_key.api_key_config(&tenant.id).await {
            Ok(c) => c,
            Err(e) if matches!(e.kind(), ErrorKind::Forbidden | ErrorKind::NotFound) => {
                let note = Note::warning(
                    "The tenant's limits for API keys can't be read with this key.",
                    "The renewal asks for the same lifetime again, and Qlik decides. Nothing has to be done.",
                );
                return Ok((note.codes(&e), None));
            }
            Err(e) => return Ok(self.failed(&e)),
        };
        let query = ApiKeyQuery {
            sub: Some(owner.id.clone()),
            status: Some(KeyStatus::Active),
            ..ApiKeyQuery::default()
        };
        let live = match with_key.api_keys(&query).await {
            Ok(keys) => keys.iter().filter(|k| k.status == KeyStatus::Active && k.sub == owner.id).count(),
            Err(e) => return Ok(self.failed(&e)),
        };
        if let Some(max) = config.max_keys_per_user.filter(|max| live >= *max as usize) {
            let said = words::no_room(name(owner), live, max);
            let note = Note::warning(said.says, said.remedy);
            return Ok((self.keys_link(note), None));
        }
        let lived = key.created.map(|c| key.expiry.duration_since(c));
        let short = config.max_expiry.filter(|m| lived.is_some_and(|l| *m < l));
        Ok(match (short, config.max_expiry) {
            (Some(max), _) => {
                let says = format!(
                    "The tenant now allows keys of {} at most; renewed keys live that long.",
                    words_of(max)
                );
                (Note::warning(says, "A Tenant Admin can raise the maximum in Qlik."), Some(()))
            }
            (None, Some(max)) if max <= SignedDuration::from_hours(48) => {
                let says = format!("The tenant allows keys of {} at most.", words_of(max));
                let note = Note::warning(
                    says,
                    "An outage of some hours could outlast such a key. A Tenant Admin can raise the maximum to 3 days or more.",
                );
                (note, Some(()))
            }
            _ => (Note::passed("A place for the next key is free, and the lifetime is allowed."), Some(())),
        })
    }

    /// The users with the administrator's e-mail; empty where e-mails are sent
    /// as subject.
    pub(super) async fn read_users(&self, qlik: &Qlik) -> Made<Vec<User>> {
        Ok(match self.tenant_with_key(qlik).users_by_email(&self.actor.email).await {
            Ok(users) => (Note::passed("The key's owner may look users up by e-mail."), Some(users)),
            Err(e) if e.kind() == ErrorKind::Forbidden && self.email_as_subject => {
                let note = Note::warning(
                    "The key's owner may not read users; each user's e-mail is sent as the subject, as you chose.",
                    "Qlik may give a user with the same e-mail this subject, or make a new user. A key of a Tenant Admin avoids it.",
                );
                (note.codes(&e), Some(Vec::new()))
            }
            Err(e) if e.kind() == ErrorKind::Forbidden => {
                let note = Note::failed(
                    "The key's owner may not read the tenant's users, so they can't be matched by e-mail.",
                    "Use a key of a user who may, such as a Tenant Admin, or choose below to send the e-mail as subject.",
                );
                (note.link("Open Users in Qlik", self.host.console_url(ConsolePage::Users)).codes(&e), None)
            }
            Err(e) => self.failed(&e),
        })
    }
}

/// E-mail, or the name where Qlik has none.
pub(super) fn name(user: &User) -> &str {
    user.email.as_deref().unwrap_or(&user.name)
}

fn day(t: Timestamp) -> String {
    t.strftime("%-d %b %Y, %H:%M UTC").to_string()
}

/// A span in its two largest units.
pub(crate) fn words_of(d: SignedDuration) -> String {
    let minutes = d.as_mins().max(0);
    let (days, hours, mins) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    match (days, hours, mins) {
        (0, 0, m) => format!("{m} min"),
        (0, h, 0) => format!("{h} h"),
        (0, h, m) => format!("{h} h {m} min"),
        (d, 0, _) => format!("{d} d"),
        (d, h, _) => format!("{d} d {h} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_in_its_two_largest_units() {
        for (minutes, words) in
            [(0, "0 min"), (59, "59 min"), (60, "1 h"), (1200, "20 h"), (1501, "1 d 1 h"), (4320, "3 d")]
        {
            assert_eq!(words_of(SignedDuration::from_mins(minutes)), words);
        }
    }
}
