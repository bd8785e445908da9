//! What the page of a change shows: the settings side by side, the checks of the
//! new ones, and whom the change would lock out.

use jiff::Timestamp;

use super::Consequences;
use crate::{
    Actor, Error, Services,
    connection::AuthOption,
    doctor::Report,
    integration::FormView,
    matching::{Rules, RunState, RunView, Verdict},
    store::{StoreError, at},
};

/// Rows of one page.
const PAGE: i64 = 50;

/// The key that comes with a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyChange {
    /// The last four characters of its id.
    pub last4: String,
    /// Whose it is.
    pub owner: String,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// A staged change.
#[derive(Debug, Clone)]
pub struct ChangeView {
    /// Its id, which a switch names.
    pub id: String,
    /// What is in force.
    pub now: FormView,
    /// What would be.
    pub then: FormView,
    /// The other Qlik tenant is another one, not the same under another name.
    pub other_tenant: bool,
    /// What becomes of what users registered or connected.
    pub consequences: Consequences,
    /// The key that would replace the one in use; none where that stays.
    pub key: Option<KeyChange>,
    /// The last checks of the new settings.
    pub report: Report,
    /// When it was staged.
    pub staged_at: Timestamp,
    /// When it is forgotten.
    pub expires_at: Timestamp,
    /// The comparison with the tenant in force: the last one, or the one under way.
    pub today: Option<RunView>,
    /// The comparison with the new one.
    pub after: Option<RunView>,
    /// Whom the change would lock out; none until both comparisons ended.
    pub breaks: Option<BreaksPage>,
}

impl ChangeView {
    /// Whether users are compared: where both settings look them up with a key.
    pub fn compares(&self) -> bool {
        self.now.option == AuthOption::ApiKey && self.then.option == AuthOption::ApiKey
    }
}

/// A user who would no longer be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlucky {
    /// The user's id.
    pub user_id: String,
    /// Their e-mail.
    pub email: String,
    /// Their name.
    pub name: String,
    /// The verdict today; none where it is not known.
    pub today: Option<Verdict>,
    /// The verdict after the change.
    pub after: Verdict,
}

/// A page of them, and the counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreaksPage {
    /// Let in today and not after.
    pub broken: i64,
    /// Not let in after; what is so today is not known.
    pub unknown: i64,
    /// Let in neither today nor after.
    pub neither: i64,
    /// Not let in today, and after.
    pub gained: i64,
    /// All users who were compared.
    pub all: i64,
    /// Those who are let in today, or may be, and not after; by e-mail.
    pub rows: Vec<Unlucky>,
    /// This page, from 1.
    pub page: i64,
    /// The last page, from 1.
    pub pages: i64,
}

/// The settings before the last change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousView {
    /// The id, which going back names.
    pub id: String,
    /// The settings.
    pub form: FormView,
    /// When they were left.
    pub left_at: Timestamp,
    /// Until when one can go back.
    pub until: Timestamp,
    /// A key is kept for it at Qlik.
    pub keeps_key: bool,
}

impl Services {
    /// The staged change of the actor's portal, if there is one. `page` is of those
    /// whom it would lock out, from 1.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator.
    pub async fn change_view(&self, actor: &Actor, page: u32) -> Result<Option<ChangeView>, Error> {
        actor.require_admin()?;
        let portal = actor.portal.id.as_str();
        let raw = sqlx::query!(
            r#"SELECT c.id AS "id!", c.tenant_id AS "tenant_id!", c.tenant_host AS "host!",
                      c.web_integration_id AS "web!", c.email_as_subject AS "by_email!: bool", c.key_last4, c.key_owner,
                      c.key_expires_at, c.report AS "report!", c.staged_at AS "staged_at!",
                      c.expires_at AS "expires_at!", c.auth_option AS "option!", c.oauth_client_id AS client,
                      i.tenant_id AS "tenant_now!", i.tenant_host AS "host_now!",
                      i.web_integration_id AS "web_now!", i.email_as_subject AS "by_email_now!: bool",
                      i.auth_option AS "option_now!", i.oauth_client_id AS client_now
               FROM staged_changes c JOIN integrations i ON i.portal_id = c.portal_id WHERE c.portal_id = ?"#,
            portal
        )
        .fetch_optional(self.db().read())
        .await?;
        let Some(raw) = raw else { return Ok(None) };
        let bad = StoreError::Inconsistent { table: "staged_changes", column: "report" };
        let report = serde_json::from_str(&raw.report).map_err(|_| bad)?;
        let today = shown(self.runs(portal, &raw.tenant_now, false).await?);
        let after = shown(self.runs(portal, &raw.tenant_id, true).await?);
        let breaks = match (&today, &after) {
            (Some(today), Some(after)) if ended(today) && after.state == RunState::Done => {
                Some(self.breaks(today, after, i64::from(page.max(1))).await?)
            }
            _ => None,
        };
        let key = raw.key_last4.zip(raw.key_owner).zip(raw.key_expires_at);
        let now = FormView {
            tenant_host: raw.host_now,
            web_integration_id: raw.web_now,
            email_as_subject: raw.by_email_now,
            option: option(&raw.option_now)?,
            client_id: raw.client_now,
        };
        let then = FormView {
            tenant_host: raw.host.clone(),
            web_integration_id: raw.web,
            email_as_subject: raw.by_email,
            option: option(&raw.option)?,
            client_id: raw.client,
        };
        Ok(Some(ChangeView {
            id: raw.id,
            other_tenant: if raw.tenant_id.is_empty() || raw.tenant_now.is_empty() {
                now.tenant_host != then.tenant_host
            } else {
                raw.tenant_id != raw.tenant_now
            },
            consequences: self.consequences(portal, now.ground(), then.ground()).await?,
            now,
            then,
            key: key.map(|((last4, owner), t)| KeyChange { last4, owner, expires_at: at(t) }),
            report,
            staged_at: at(raw.staged_at),
            expires_at: at(raw.expires_at),
            today,
            after,
            breaks,
        }))
    }

    /// The tenant's host of the staged change, if there is one.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator.
    pub async fn staged_host(&self, actor: &Actor) -> Result<Option<String>, Error> {
        actor.require_admin()?;
        Ok(sqlx::query_scalar!(
            r#"SELECT tenant_host AS "host!" FROM staged_changes WHERE portal_id = ?"#,
            actor.portal.id
        )
        .fetch_optional(self.db().read())
        .await?)
    }

    async fn breaks(&self, today: &RunView, after: &RunView, page: i64) -> Result<BreaksPage, Error> {
        let (in_today, in_after) = (let_in(today.rules), let_in(after.rules));
        let counts = sqlx::query!(
            r#"SELECT count(*) AS "all!: i64",
                      count(*) FILTER (WHERE NOT after_in AND today_in) AS "broken!: i64",
                      count(*) FILTER (WHERE NOT after_in AND today_in IS NULL) AS "unknown!: i64",
                      count(*) FILTER (WHERE NOT after_in AND NOT today_in) AS "neither!: i64",
                      count(*) FILTER (WHERE after_in AND NOT today_in) AS "gained!: i64"
               FROM (SELECT s.verdict IN (SELECT value FROM json_each(?1)) AS after_in,
                            c.verdict IN (SELECT value FROM json_each(?2)) AS today_in
                     FROM matching_rows s LEFT JOIN matching_rows c ON c.run_id = ?3 AND c.user_id = s.user_id
                     WHERE s.run_id = ?4)"#,
            in_after,
            in_today,
            today.id,
            after.id
        )
        .fetch_one(self.db().read())
        .await?;
        let pages = ((counts.broken + counts.unknown + PAGE - 1) / PAGE).max(1);
        let page = page.clamp(1, pages);
        let skipped = (page - 1) * PAGE;
        let rows = sqlx::query!(
            r#"SELECT s.user_id AS "user_id!", s.email AS "email!", s.name AS "name!", s.verdict AS "after!",
                      c.verdict AS "today?"
               FROM matching_rows s LEFT JOIN matching_rows c ON c.run_id = ?3 AND c.user_id = s.user_id
               WHERE s.run_id = ?4 AND s.verdict NOT IN (SELECT value FROM json_each(?1))
                 AND (c.verdict IS NULL OR c.verdict IN (SELECT value FROM json_each(?2)))
               ORDER BY s.email LIMIT ?5 OFFSET ?6"#,
            in_after,
            in_today,
            today.id,
            after.id,
            PAGE,
            skipped
        )
        .fetch_all(self.db().read())
        .await?;
        let rows = rows.into_iter().map(|r| {
            Ok(Unlucky {
                user_id: r.user_id,
                email: r.email,
                name: r.name,
                today: r.today.map(|v| verdict(&v)).transpose()?,
                after: verdict(&r.after)?,
            })
        });
        Ok(BreaksPage {
            broken: counts.broken,
            unknown: counts.unknown,
            neither: counts.neither,
            gained: counts.gained,
            all: counts.all,
            rows: rows.collect::<Result<_, StoreError>>()?,
            page,
            pages,
        })
    }

    /// The settings before the last change, as long as one can go back to them.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator.
    pub async fn way_back(&self, actor: &Actor) -> Result<Option<PreviousView>, Error> {
        actor.require_admin()?;
        let previous = self.previous(&actor.portal.id).await?;
        Ok(previous.map(|p| PreviousView {
            id: p.id,
            form: FormView {
                tenant_host: p.setup.tenant_host.as_str().to_owned(),
                web_integration_id: p.setup.web_integration_id,
                email_as_subject: p.setup.email_as_subject,
                option: p.setup.option,
                client_id: p.setup.client_id,
            },
            left_at: at(p.left_at),
            until: at(p.keep_until),
            keeps_key: p.key_id.is_some(),
        }))
    }
}

/// The one under way; else the last one.
fn shown(runs: Vec<RunView>) -> Option<RunView> {
    let under_way = runs.iter().position(|r| !ended(r));
    let mut runs = runs;
    match under_way {
        Some(n) => Some(runs.swap_remove(n)),
        None => runs.pop(),
    }
}

fn ended(run: &RunView) -> bool {
    matches!(run.state, RunState::Done | RunState::Failed)
}

fn let_in(rules: Rules) -> String {
    let names = Verdict::ALL.into_iter().filter(|v| v.is_let_in(rules)).map(Verdict::as_str);
    names.collect::<serde_json::Value>().to_string()
}

fn option(name: &str) -> Result<AuthOption, StoreError> {
    AuthOption::parse(name).ok_or(StoreError::Inconsistent { table: "integrations", column: "auth_option" })
}

fn verdict(name: &str) -> Result<Verdict, StoreError> {
    Verdict::parse(name).ok_or(StoreError::Inconsistent { table: "matching_rows", column: "verdict" })
}
