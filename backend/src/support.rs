//! The support bundle: one file that tells a helper how a portal and its
//! connection are. It is put together from typed parts (`parts.rs`), field by
//! field: what is not named there is not in it. No secret is read to make it.
//!
//! Must not know how it is sent: the server gives it a name and a download.

mod parts;
mod renewal;

use qlik::secret::{JWT, without_tokens};
use url::Url;

pub use self::parts::Operator;
use self::{
    parts::{
        About, Ahead, Bundle, ClockPart, Database, IdentityProvider, Integration, Key, Mail, Notices, Portal,
        Product, Users, Webhook,
    },
    renewal::{Attempt, Renewal},
};
use crate::{Actor, Error, Services, integration::Report, renewal::load_any, store::at};

/// How webhook secrets begin: <https://www.standardwebhooks.com/>.
const WEBHOOK_SECRET: &str = "whsec_";

/// The parts of a bundle in their order: the name in the file, and what it holds.
pub const CONTENT: &[(&str, &str)] = &[
    ("file", "When the file was made, and its form"),
    ("product", "Qonduit’s version and the system that it runs on"),
    ("database", "The version of the database’s schema"),
    ("clock", "The server’s time, and how far it is from Qlik’s where a check found out"),
    ("operator", "What the operator set: addresses, hosts, times and the level of the log"),
    ("portal", "The portal’s hostname and origin"),
    (
        "integration",
        "The Qlik tenant, the authentication option, the ids of the web integration and the OAuth client, and the \
         key’s id, fingerprint, expiry and owner",
    ),
    ("checks", "The last checks with Qlik’s codes and trace ids"),
    ("renewal", "Where the renewal of the key stands"),
    ("attempts", "The last 50 renewals with their steps"),
    ("ahead", "The last look at the coming renewal"),
    ("notices", "How notices travel, and how the last 50 ended"),
    ("identity_providers", "The identity providers that this portal signs for"),
    ("users", "How many people there are, by role and status"),
];

/// What is never in it.
pub const LEFT_OUT: &[&str] = &[
    "API keys, OAuth client secrets, users’ Qlik passwords and connections, signing keys, Qlik sessions, passwords, one-time links and browser sessions, sealed or not",
    "The keyring, and where it, the database and other files are on the server",
    "The mail server’s account and password, the addresses that mail goes to, and a webhook’s path and secret",
    "The list of people; the key’s owner is named, and checks may name the person whom they signed in",
];

/// Attempts and deliveries at most.
const MOST: u32 = 50;
/// Goes up when a part changes its shape.
const FORMAT: u32 = 1;

/// A bundle, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Support {
    /// A name for the file: letters, digits, dots and hyphens.
    pub file_name: String,
    /// JSON, for people to read.
    pub json: String,
}

impl Services {
    /// Puts the bundle of the actor's portal together. `operator`: what the
    /// server was told, as far as it may be known.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator, [`Error::Store`].
    pub async fn support_bundle(&self, actor: &Actor, operator: Operator) -> Result<Support, Error> {
        actor.require_admin()?;
        let portal = actor.portal.id.as_str();
        let now = self.now();
        let row = load_any(self.db().read(), portal).await?;
        let report = self.last_report(portal).await?;
        let (schema_version, migrations) = self.db().schema().await?;
        let bundle = Bundle {
            file: About { format: FORMAT, made_at: now },
            product: Product {
                version: self.config().version,
                os: std::env::consts::OS,
                arch: std::env::consts::ARCH,
            },
            database: Database { schema_version, migrations },
            clock: ClockPart { server: now, beside_qlik: report.as_ref().and_then(beside_qlik) },
            operator,
            portal: Portal { hostname: actor.portal.hostname.clone(), origin: actor.portal.origin.clone() },
            integration: self.integration_part(portal).await?,
            checks: report,
            renewal: row.as_ref().map(|row| Renewal::of(&row.state, row.version)),
            attempts: self.renewal_history(actor, None, MOST).await?.into_iter().map(Attempt::of).collect(),
            ahead: row.and_then(|row| row.state.ahead).map(|a| Ahead { at: at(a.at), checks: a.checks }),
            notices: self.notices_part(actor).await?,
            identity_providers: self.identity_part(portal).await?,
            users: self.users_part(portal).await?,
        };
        let day = now.strftime("%Y-%m-%dT%H%M%SZ");
        let host: String = actor
            .portal
            .hostname
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || ".-".contains(*c))
            .collect();
        Ok(Support { file_name: format!("qonduit-support-{host}-{day}.json"), json: json(&bundle)? })
    }

    async fn integration_part(&self, portal_id: &str) -> Result<Option<Integration>, Error> {
        let row = sqlx::query!(
            r#"SELECT tenant_host AS "tenant_host!", tenant_id AS "tenant_id!", permanent_host AS "permanent_host!",
                      region, web_integration_id AS "web_integration_id!", auth_option AS "auth_option!",
                      email_as_subject AS "email_as_subject!: bool", saved_at AS "saved_at!", checked_at,
                      next_action_at, lease_until, oauth_client_id, login_host
               FROM integrations WHERE portal_id = ?"#,
            portal_id
        )
        .fetch_optional(self.db().read())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let key = self.status(portal_id).await?.map(|s| Key::of(s.key));
        Ok(Some(Integration {
            tenant_host: row.tenant_host,
            permanent_host: row.permanent_host,
            tenant_id: row.tenant_id,
            region: row.region,
            web_integration_id: row.web_integration_id,
            option: row.auth_option,
            oauth_client_id: row.oauth_client_id,
            login_host: row.login_host,
            email_as_subject: row.email_as_subject,
            saved_at: at(row.saved_at),
            checked_at: row.checked_at.map(at),
            next_action_at: row.next_action_at.map(at),
            claimed_until: row.lease_until.map(at),
            key,
        }))
    }

    async fn notices_part(&self, actor: &Actor) -> Result<Notices, Error> {
        let set = self.notices_view(actor).await?;
        let deliveries = self.deliveries(actor, MOST).await?;
        let mail = (!set.mail.host.is_empty()).then(|| Mail {
            server: set.mail.host,
            port: set.mail.port,
            security: set.mail.security,
            signs_in: !set.mail.user.is_empty(),
            password_set_at: set.mail.password_at,
            // None entered: all administrators get it.
            recipients: set.mail.to.split(',').filter(|to| !to.trim().is_empty()).count(),
        });
        let webhook = Url::parse(&set.webhook.url).ok().map(|url| Webhook {
            host: url.host_str().unwrap_or_default().to_owned(),
            secret_made_at: set.webhook.secret_at,
        });
        Ok(Notices {
            mail,
            webhook,
            tell_renewed: set.tell_renewed,
            repeat_hours: set.repeat_hours,
            deliveries: deliveries.into_iter().map(parts::Delivery::of).collect(),
        })
    }

    async fn identity_part(&self, portal_id: &str) -> Result<Vec<IdentityProvider>, Error> {
        let rows = sqlx::query!(
            r#"SELECT issuer AS "issuer!", kid AS "kid!", idp_id, active AS "active!: bool", created_at AS "created_at!"
               FROM signing_identities WHERE portal_id = ? ORDER BY created_at"#,
            portal_id
        )
        .fetch_all(self.db().read())
        .await?;
        Ok(rows
            .into_iter()
            .map(|r| IdentityProvider {
                issuer: r.issuer,
                kid: r.kid,
                id_at_qlik: r.idp_id,
                signs_now: r.active,
                made_at: at(r.created_at),
            })
            .collect())
    }

    async fn users_part(&self, portal_id: &str) -> Result<Vec<Users>, Error> {
        let rows = sqlx::query!(
            r#"SELECT role AS "role!", status AS "status!", COUNT(*) AS "count!"
               FROM users WHERE portal_id = ? GROUP BY role, status ORDER BY role, status"#,
            portal_id
        )
        .fetch_all(self.db().read())
        .await?;
        Ok(rows.into_iter().map(|r| Users { role: r.role, status: r.status, count: r.count }).collect())
    }
}

/// What the check of the clocks found.
fn beside_qlik(report: &Report) -> Option<String> {
    report.check("clock").map(|c| c.says.clone())
}

/// As JSON for people, cleaned of what looks like a token: Qlik's words are in
/// it, and they may repeat what they were sent.
fn json(bundle: &Bundle) -> Result<String, Error> {
    let text = serde_json::to_string_pretty(bundle)
        .map_err(|_| Error::Internal("a support bundle can't be written as JSON"))?;
    Ok(without_tokens(&text, &[JWT, WEBHOOK_SECRET]))
}
