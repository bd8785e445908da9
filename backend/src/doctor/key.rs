//! The checks of the key: its form, whether the tenant takes it, its owner, the
//! owner's permission, its lifetime, and room for the next.

use jiff::{SignedDuration, Timestamp};
use qlik::{
    ApiKeyQuery, ConsolePage, KeyStatus, TenantInfo, User, UserStatus,
    error::{Error as QlikError, ErrorKind},
};

use super::{
    fresh::Made as KeyMade,
    report::Note,
    subject::{Known, Subject, name},
    table::Made,
};
use crate::{
    Error,
    renewal::{self, KeyRef, due_at},
    words,
};

const NEW_KEY: &str = "Make a new key in Qlik and paste it here; everything else stays as it is.";
const OTHER_TENANT: &str = "Make a key in this tenant and paste it here.";
/// A key that lives for less than this is lost to an outage of a night.
const SHORT_LIFE: SignedDuration = SignedDuration::from_hours(48);

impl Subject<'_> {
    pub(super) async fn key(&self, known: &mut Known) -> Made {
        let claims = self.claims();
        let of_key = claims.tenant_id.as_deref();
        let wrong_tenant = || {
            Note::failed(format!("The key belongs to another Qlik tenant than {}.", self.host), OTHER_TENANT)
        };
        let Some(key) = &self.key else { return Err(Error::Internal("a check without what it needs")) };
        let (answer, waited) = self.services.tenant_by_key(&self.with_key(), key, self.made(known)).await;
        let answer = match answer {
            Err(e) if matches!(e.kind(), ErrorKind::Unauthorized | ErrorKind::Forbidden) => {
                self.under_permanent_name().await.ok_or(e)
            }
            other => other,
        };
        let note = match answer {
            Ok(tenant) if of_key.is_some_and(|t| t != tenant.id) => wrong_tenant(),
            Ok(tenant) if !self.is_proved(known, &tenant) => Note::failed(
                format!("{} sends calls on to another tenant, {}.", self.host, tenant.name),
                "Compare the hostname with the address bar of your Qlik Cloud.",
            ),
            Ok(tenant) => {
                let region =
                    tenant.region.as_deref().or(tenant.datacenter.as_deref()).unwrap_or("region unknown");
                let permanent = tenant.hostnames.first().map_or(self.host.as_str(), String::as_str);
                let took = match waited.as_secs() {
                    0 => String::new(),
                    s => format!(" It is new: Qlik took it after {s} s."),
                };
                let note =
                    Note::passed(format!("{} accepts the key ({region}, {permanent}).{took}", self.host));
                known.tenant = Some(tenant);
                return Ok(note);
            }
            Err(e) if matches!(e.kind(), ErrorKind::Unauthorized | ErrorKind::Forbidden) => {
                known.key_refused = true;
                let stored_tenant = self.stored.map(|(row, _)| row.tenant_id.as_str());
                if e.code() == Some("AUTH-5")
                    || stored_tenant.zip(of_key).is_some_and(|(known, key)| known != key)
                {
                    wrong_tenant().codes(&e)
                } else {
                    let mut note = self.refused(known, &e).await?.codes(&e);
                    if !waited.is_zero() {
                        let tried = waited.as_secs().max(1);
                        note.says = format!(
                            "{} It was tried for {tried} s, for a new key may take a while.",
                            note.says
                        );
                    }
                    note
                }
            }
            Err(e) => return Ok(self.failed(known, &e)),
        };
        Ok(self.link(note, ConsolePage::ApiKeys))
    }

    /// The tenant, where it takes the key under its permanent name: the name that is in
    /// force was given up, and is another tenant's now.
    async fn under_permanent_name(&self) -> Option<TenantInfo> {
        let (row, key) = (self.stored?.0, self.key.as_ref()?);
        if row.tenant_host != *self.host || row.permanent_host == *self.host {
            return None;
        }
        let tenant = self.qlik().with_key(&row.permanent_host, key.clone()).tenant_me().await.ok()?;
        if tenant.id != row.tenant_id {
            return None;
        }
        self.qlik().use_instead(self.host, &row.permanent_host);
        Some(tenant)
    }

    /// When the key was made: by its token, by what is stored of it, or by its record in
    /// the eyes of the key in use.
    async fn made(&self, known: &Known) -> KeyMade {
        let claims = self.claims();
        if let Some(at) = claims.iat {
            // By Qlik's clock.
            let off = self.services.now().duration_since(self.qlik_now(known));
            return KeyMade::At(at.checked_add(off).unwrap_or(at));
        }
        let (Some((row, stored)), Some(jti)) = (self.stored, claims.jti.as_deref()) else {
            return KeyMade::Unknown;
        };
        if row.state.current.key_id == jti {
            return KeyMade::At(crate::store::at(row.state.current.created_at));
        }
        let record = self.qlik().with_key(self.host, stored.token.clone()).api_key(jti).await;
        record.ok().and_then(|k| k.created).map_or(KeyMade::Unknown, KeyMade::At)
    }

    /// Whether a name to which the host sends calls is one of the tenant's, as is the host.
    fn is_proved(&self, known: &Known, tenant: &TenantInfo) -> bool {
        known.unproved_name.as_ref().is_none_or(|name| tenant.has_name(name) && tenant.has_name(self.host))
    }

    /// Why the tenant refuses the key, as far as anybody can be asked.
    async fn refused(&self, known: &Known, e: &QlikError) -> Result<Note, Error> {
        let claims = self.claims();
        if let Some((row, stored)) = self.stored {
            let same = stored.token.claims().jti == claims.jti;
            if same {
                let said = renewal::why_refused(self.services, row, stored).await?;
                return Ok(Note::failed(said.says, said.remedy));
            }
            if let Some(note) = self.seen_by_the_stored_key(stored).await {
                return Ok(note);
            }
        }
        if claims.exp.is_some_and(|t| t <= self.qlik_now(known)) {
            return Ok(Note::failed("The key expired.", NEW_KEY));
        }
        if e.code() == Some("APIKEYS-18") {
            return Ok(Note::failed("The key is expired or revoked.", NEW_KEY));
        }
        let whose = claims
            .tenant_id
            .as_deref()
            .map_or_else(String::new, |t| format!(" It was made in the tenant with the id {t}."));
        Ok(Note::failed(
            format!(
                "{} refuses the key.{whose} It is another tenant’s, expired or revoked, or its owner is disabled or \
                 lacks the permission Manage API keys.",
                self.host
            ),
            "Make the key in this tenant, as a user for whom Manage API keys is Allowed (old tenants: with the \
             Developer role), and paste it here.",
        ))
    }

    /// A pasted key that is refused, with the eyes of the key in use. `None`: it
    /// sees nothing either.
    async fn seen_by_the_stored_key(&self, stored: &crate::keys::OwnedKey) -> Option<Note> {
        let eyes = self.qlik().with_key(self.host, stored.token.clone());
        let record = match eyes.api_key(self.claims().jti.as_deref()?).await {
            Ok(record) => record,
            Err(e) if e.kind() == ErrorKind::NotFound => {
                return Some(Note::failed("The key was deleted in Qlik.", NEW_KEY));
            }
            Err(_) => return None,
        };
        let reason = match record.status {
            KeyStatus::Expired => renewal::NeedReason::Expired,
            KeyStatus::Revoked => renewal::NeedReason::Revoked,
            KeyStatus::Active => match eyes.user(&record.sub).await {
                Ok(owner) if owner.status == UserStatus::Active => renewal::NeedReason::PermissionLost,
                Ok(_) => renewal::NeedReason::OwnerDisabled,
                Err(_) => return None,
            },
            KeyStatus::Other(_) => return None,
        };
        let said = renewal::said_of_need(reason, "The user");
        Some(Note::failed(said.says, said.remedy))
    }

    pub(super) async fn owner(&self, known: &mut Known) -> Made {
        Ok(match self.with_key().user_me().await {
            Ok(me) if me.status != UserStatus::Active => {
                let says = format!("The key belongs to {}, who is not active in Qlik.", name(&me));
                self.link(
                    Note::failed(says, "Enable the user in Qlik, or paste a key of another user."),
                    ConsolePage::Users,
                )
            }
            Ok(me) => {
                let admin = if me.is_tenant_admin() { ", a Tenant Admin" } else { "" };
                let note = Note::passed(format!("The key belongs to {}{admin}.", name(&me)));
                known.owner = Some(me);
                note
            }
            Err(e) => self.failed(known, &e),
        })
    }

    pub(super) async fn permission(&self, known: &mut Known) -> Made {
        let Some(owner) = &known.owner else { return Err(Error::Internal("a check without what it needs")) };
        let who = name(owner).to_owned();
        let query = ApiKeyQuery {
            sub: Some(owner.id.clone()),
            status: Some(KeyStatus::Active),
            ..ApiKeyQuery::default()
        };
        let id = owner.id.clone();
        Ok(match self.with_key().api_keys(&query).await {
            Ok(keys) => {
                known.keys =
                    keys.into_iter().filter(|k| k.status == KeyStatus::Active && k.sub == id).collect();
                Note::passed(format!("{who} may manage API keys."))
            }
            Err(e) if e.kind() == ErrorKind::Forbidden => {
                let note =
                    Note::failed(format!("{who} may not manage API keys."), words::ALLOW_KEYS).codes(&e);
                self.link(note, ConsolePage::Permissions)
            }
            Err(e) => self.failed(known, &e),
        })
    }

    pub(super) async fn lifetime(&self, known: &mut Known) -> Made {
        let claims = self.claims();
        let (Some(tenant), Some(id)) = (&known.tenant, claims.jti.as_deref()) else {
            return Err(Error::Internal("a check without what it needs"));
        };
        let now = self.qlik_now(known);
        let with_key = self.with_key();
        let key = match with_key.api_key(id).await {
            Ok(key) if key.status == KeyStatus::Expired || key.expiry <= now => {
                return Ok(self.link(Note::failed("The key expired.", NEW_KEY), ConsolePage::ApiKeys));
            }
            Ok(key) if key.status != KeyStatus::Active => {
                return Ok(self.link(Note::failed("The key was revoked.", NEW_KEY), ConsolePage::ApiKeys));
            }
            Ok(key) => key,
            Err(e) if e.kind() == ErrorKind::NotFound => {
                let note = Note::failed("Qlik does not know this key; it was deleted.", NEW_KEY).codes(&e);
                return Ok(self.link(note, ConsolePage::ApiKeys));
            }
            Err(e) => return Ok(self.failed(known, &e)),
        };
        match with_key.api_key_config(&tenant.id).await {
            Ok(rules) => known.rules = Some(rules),
            // Whether a plain user may read them is not documented; `quota` tells it.
            Err(e) if matches!(e.kind(), ErrorKind::Forbidden | ErrorKind::NotFound) => {}
            Err(e) => return Ok(self.failed(known, &e)),
        }
        let left = words_of(key.expiry.duration_since(now));
        let says = format!("The key is active until {} ({left} left).", day(key.expiry));
        let at = KeyRef {
            key_id: String::new(),
            created_at: key.created.unwrap_or(now).as_second(),
            expires_at: key.expiry.as_second(),
        };
        let lived = key.created.map(|c| key.expiry.duration_since(c));
        known.key = Some(key);
        let longest = known.rules.as_ref().and_then(|r| r.max_expiry).filter(|m| m.as_secs() > 0);
        Ok(match longest {
            _ if now.as_second() >= due_at(&at, 0.0) => {
                Note::warning(says, "It is due, so it is renewed as soon as it is saved.")
            }
            Some(max) if lived.is_some_and(|l| max < l) => Note::warning(
                format!(
                    "The tenant now allows keys of {} at most; renewed keys live that long.",
                    words_of(max)
                ),
                "A Tenant Admin can raise the maximum in Qlik.",
            ),
            Some(max) if max <= SHORT_LIFE => Note::warning(
                format!("The tenant allows keys of {} at most.", words_of(max)),
                "An outage of some hours could outlast such a key. A Tenant Admin can raise the maximum to 3 days or more.",
            ),
            _ => Note::passed(says),
        })
    }
}

/// What the token says of itself; Qlik alone can check its signature
/// (<https://qlik.dev/authenticate/api-key/generate-your-first-api-key/>).
pub(super) fn key_form(on: &Subject<'_>, _: &mut Known) -> Note {
    let claims = on.claims();
    let note = if claims.jti.is_none() {
        Note::failed("The key carries no id, so its expiry can’t be learnt.", NEW_KEY)
    } else if claims.aud.iter().any(|a| a != "qlik.api")
        || claims.sub_type.as_deref().is_some_and(|t| t != "user")
    {
        Note::failed(
            "This is a token of Qlik’s, and not an API key of a user.",
            "Make the key in Qlik under Profile settings > API keys, and paste it here.",
        )
    } else {
        return Note::passed("The key has the form of a Qlik API key.");
    };
    on.link(note, ConsolePage::ApiKeys)
}

/// Whether the coming renewal finds a free place, and whether something of
/// ours takes one without need.
pub(super) fn quota(on: &Subject<'_>, known: &mut Known) -> Note {
    let owner = known.owner.as_ref().map_or("The owner", name);
    let live = known.keys.len();
    let tag = renewal::tag(&on.portal.id, "");
    let claims = on.claims();
    let mine = claims.jti.as_deref();
    let orphans = known
        .keys
        .iter()
        .filter(|k| k.description.starts_with(&tag) && mine != Some(k.id.as_str()))
        .filter(|k| on.stored.is_none_or(|(row, _)| !row.state.knows(&k.id)))
        .count();
    let Some(max) = known.rules.as_ref().and_then(|r| r.max_keys_per_user) else {
        return Note::warning(
            "The tenant’s limit for API keys can’t be read with this key.",
            "The renewal asks for the same lifetime again, and Qlik decides. Nothing has to be done.",
        );
    };
    if live >= max as usize {
        let said = words::no_room(owner, live, max);
        return on.link(Note::warning(said.says, said.remedy), ConsolePage::ApiKeys);
    }
    if orphans > 0 {
        let note = Note::warning(
            format!("{orphans} of {live} active keys carry this portal’s mark and are not in use here."),
            "Leftovers of a broken renewal are deleted by the next one. If the portal runs twice, the other copy uses them.",
        );
        return on.link(note, ConsolePage::ApiKeys);
    }
    Note::passed(format!("{live} of {max} API keys are in use; the next finds a place."))
}

/// Rights beyond what the portal needs are a risk that a leaked key carries.
pub(super) fn least_rights(_: &Subject<'_>, known: &mut Known) -> Note {
    let owner = known.owner.as_ref();
    let who = owner.map_or("The owner", name);
    if owner.is_some_and(User::is_tenant_admin) {
        Note::advice(
            format!("{who} is a Tenant Admin, so this key can do everything in the tenant."),
            "Once all is set up, a key of a user of its own is enough, for whom Manage API keys is Allowed and who \
             may read users and the web integration.",
        )
    } else {
        Note::passed(format!("{who} is no Tenant Admin."))
    }
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
