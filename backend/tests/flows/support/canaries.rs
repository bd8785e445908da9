//! Where secrets are, what they are, and how they may be written.

use backend::vault::Place;
use base64::{Engine, prelude::*};
use sqlx::Row as _;

use crate::house::House;

/// What a column that looks like a secret holds.
pub(super) enum Holds {
    /// Something that the vault sealed; its place in the vault is named by this column.
    Sealed(&'static str),
    /// Something that must not get out as it is.
    Secret,
    /// Nothing that is secret.
    Harmless,
}

pub(super) struct Column {
    pub(super) table: &'static str,
    pub(super) name: &'static str,
    holds: Holds,
}

const fn column(table: &'static str, name: &'static str, holds: Holds) -> Column {
    Column { table, name, holds }
}

/// Every column that may hold a secret, by its kind or name, and those whose
/// name does not tell. A new one must be put here before the tests pass.
pub(super) const COLUMNS: &[Column] = &[
    column("vault_check", "key_id", Holds::Harmless),
    column("vault_check", "sealed", Holds::Secret),
    column("users", "password_hash", Holds::Secret),
    // E-mails as they are compared.
    column("users", "email_key", Holds::Harmless),
    column("matching_seen", "email_key", Holds::Harmless),
    column("matching_seen", "subject_key", Holds::Harmless),
    // Four bytes of a hash for each place that sign-ins were refused from.
    column("sign_in_refusals", "places", Holds::Harmless),
    column("invitations", "token_hash", Holds::Secret),
    column("web_sessions", "id_hash", Holds::Secret),
    column("web_sessions", "data", Holds::Secret),
    column("signing_identities", "sealed_key", Holds::Sealed("kid")),
    column("api_keys", "key_id", Holds::Harmless),
    column("api_keys", "sealed_token", Holds::Sealed("key_id")),
    column("renewal_attempts", "old_key_id", Holds::Harmless),
    column("renewal_attempts", "new_key_id", Holds::Harmless),
    // A name as it is compared, for the join.
    column("matching_seen", "name_key", Holds::Harmless),
    column("onboardings", "sealed_key", Holds::Sealed("id")),
    column("staged_changes", "sealed_key", Holds::Sealed("id")),
    column("staged_changes", "key_last4", Holds::Harmless),
    column("staged_changes", "key_owner", Holds::Harmless),
    column("staged_changes", "key_expires_at", Holds::Harmless),
    column("previous_setups", "key_id", Holds::Harmless),
    column("qlik_sessions", "sealed", Holds::Sealed("user_id")),
    column("notice_settings", "smtp_sealed_password", Holds::Sealed("portal_id")),
    column("notice_settings", "smtp_password_at", Holds::Harmless),
    column("notice_settings", "webhook_sealed_secret", Holds::Sealed("portal_id")),
    column("notice_settings", "webhook_secret_at", Holds::Harmless),
    column("notice_settings", "webhook_url", Holds::Secret),
    column("notice_settings", "smtp_user", Holds::Secret),
    column("notice_settings", "mail_from", Holds::Secret),
    column("notice_settings", "mail_to", Holds::Secret),
    column("oauth_clients", "sealed_secret", Holds::Sealed("client_id")),
    column("oauth_connects", "state_hash", Holds::Secret),
    column("oauth_connects", "sealed_verifier", Holds::Sealed("lower(hex(state_hash))")),
    column("oauth_grants", "sealed_refresh", Holds::Sealed("user_id")),
    column("oauth_revocations", "sealed_secret", Holds::Sealed("id")),
    column("oauth_revocations", "sealed_token", Holds::Sealed("id")),
    column("qlik_credentials", "sealed_password", Holds::Sealed("user_id")),
    column("qlik_credentials", "refused_hash", Holds::Secret),
    // The migrator's own.
    column("_sqlx_migrations", "checksum", Holds::Harmless),
];

/// Whether a column of this name and kind may hold a secret.
pub(super) fn looks_secret(name: &str, kind: &str) -> bool {
    let name = name.to_ascii_lowercase();
    kind.eq_ignore_ascii_case("BLOB")
        || ["token", "secret", "password", "key", "sealed", "hash"].iter().any(|word| name.contains(word))
}

/// Table, column and kind of all that there are.
pub(super) async fn schema(h: &House) -> Vec<(String, String, String)> {
    sqlx::query_as(
        "SELECT t.name, c.name, c.type FROM sqlite_master t JOIN pragma_table_info(t.name) c
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'",
    )
    .fetch_all(h.portal.db().read())
    .await
    .unwrap()
}

/// What must not be found.
#[derive(Default)]
pub(super) struct Canaries(Vec<(String, Vec<u8>)>);

impl Canaries {
    pub(super) fn add(&mut self, what: &str, secret: &[u8]) {
        assert!(secret.len() > 7, "{what} is too short to be told from other text");
        self.0.push((what.to_owned(), secret.to_vec()));
    }

    pub(super) fn add_hex(&mut self, what: &str, digits: &str) {
        self.add(what, &hex::decode(digits).unwrap());
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes in what the database holds now; each column on the list must hold something.
    pub(super) async fn read(&mut self, h: &House) {
        for Column { table, name, holds } in COLUMNS {
            let row = match holds {
                Holds::Harmless => continue,
                Holds::Secret => "''",
                Holds::Sealed(row) => row,
            };
            let sql = format!(
                "SELECT CAST({row} AS TEXT), CAST({name} AS BLOB) FROM {table} WHERE {name} IS NOT NULL"
            );
            let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(h.portal.db().read()).await.unwrap();
            assert!(!rows.is_empty(), "nothing is planted in {table}.{name}");
            for found in rows {
                let (row, value): (String, Vec<u8>) = (found.get(0), found.get(1));
                self.add(&format!("{table}.{name}"), &value);
                if matches!(holds, Holds::Sealed(_)) {
                    let place = Place { portal: &h.ada.portal.id, table, row: &row, column: name };
                    let plain = h.portal.vault().open(place, &value).unwrap();
                    self.opened(&format!("{table}.{name}, opened"), &plain);
                }
            }
        }
    }

    /// What was sealed, and the parts of it that are secrets of their own.
    fn opened(&mut self, what: &str, plain: &[u8]) {
        self.add(what, plain);
        let Ok(text) = std::str::from_utf8(plain) else { return };
        if let Ok(session) = serde_json::from_str::<serde_json::Value>(text) {
            for cookie in session["cookies"].as_array().into_iter().flatten() {
                self.add(what, cookie["value"].as_str().unwrap().as_bytes());
            }
            if let Some(token) = session["bearer"]["token"].as_str() {
                self.add(what, token.as_bytes());
            }
            if let Some(csrf) = session["csrf"].as_str() {
                self.add(what, csrf.as_bytes());
            }
        } else if text.starts_with("eyJ") {
            // Its signature alone makes a token of what anybody may know.
            self.add(what, text.rsplit('.').next().unwrap().as_bytes());
        } else {
            for line in text.lines().filter(|l| l.len() > 40 && !l.starts_with("-----")) {
                self.add(what, line.as_bytes());
            }
        }
    }

    /// Which of them are in the JSON `text`, in whatever way they are written.
    pub(super) fn found_in(&self, text: &str) -> Vec<&str> {
        let whole: serde_json::Value = serde_json::from_str(text).unwrap();
        // As it is, without its escapes, and with its lists of numbers on one line.
        let mut hay = vec![text.to_owned(), whole.to_string()];
        texts(&whole, &mut hay);
        let lower: Vec<String> = hay.iter().map(|t| t.to_ascii_lowercase()).collect();
        let found = |(_, secret): &&(String, Vec<u8>)| {
            let exact = forms(secret).iter().any(|form| hay.iter().any(|t| t.contains(form.as_str())));
            let folded = folded(secret).iter().any(|form| lower.iter().any(|t| t.contains(form.as_str())));
            exact || folded
        };
        self.0.iter().filter(found).map(|(what, _)| what.as_str()).collect()
    }
}

fn texts(value: &serde_json::Value, out: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => out.push(text.clone()),
        serde_json::Value::Array(items) => items.iter().for_each(|v| texts(v, out)),
        serde_json::Value::Object(fields) => fields.iter().for_each(|(k, v)| {
            out.push(k.clone());
            texts(v, out);
        }),
        _ => {}
    }
}

/// The ways of writing that keep upper and lower case apart.
fn forms(secret: &[u8]) -> Vec<String> {
    let mut all: Vec<String> = (0..3).flat_map(|shift| within_base64(secret, shift)).collect();
    all.extend(std::str::from_utf8(secret).map(str::to_owned));
    all.push(serde_json::to_string(secret).unwrap());
    all
}

/// Those that don't, in lower case.
fn folded(secret: &[u8]) -> Vec<String> {
    let percent = |byte: &u8| ["%".to_owned(), hex::encode([*byte])].concat();
    let every: String = secret.iter().map(percent).collect();
    // What may stand as it is differs from writer to writer, and so does the space.
    let keeping = |kept: &str, space: &str| {
        let mut out = String::new();
        for byte in secret {
            match char::from(*byte) {
                ' ' => out.push_str(space),
                c if c.is_ascii_alphanumeric() || kept.contains(c) => out.push(c),
                _ => out.push_str(&percent(byte)),
            }
        }
        out.to_ascii_lowercase()
    };
    let mut all = vec![hex::encode(secret), every];
    for kept in ["-._~", "-._", "-_.!~*'()", "-._~/"] {
        all.extend(["%20", "+"].map(|space| keeping(kept, space)));
    }
    all
}

/// What base64 of both alphabets makes of it where `shift` bytes stand in front
/// and any behind: the characters that depend on nothing else.
fn within_base64(secret: &[u8], shift: usize) -> [String; 2] {
    let padded = [&[0; 2][..shift], secret].concat();
    let front = [0, 2, 3][shift];
    let back = usize::from(padded.len() % 3 != 0);
    [BASE64_STANDARD_NO_PAD.encode(&padded), BASE64_URL_SAFE_NO_PAD.encode(&padded)]
        .map(|text| text[front..text.len() - back].to_owned())
}
