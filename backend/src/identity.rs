//! The portal's own key pairs for JWT logins: the one that signs, and beside it
//! for the time of a rotation the one before or after it.

mod login;

pub(crate) use login::{as_portal_has, as_qlik_has};

use jiff::Timestamp;
use qlik::jwt::SigningIdentity;

use crate::{
    Error, Portal, Services,
    store::{Tx, at, one_row},
    vault::Place,
};

/// What an administrator enters in Qlik as JWT identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityView {
    /// Issuer.
    pub issuer: String,
    /// Key ID.
    pub kid: String,
    /// The X.509 certificate, PEM.
    pub certificate_pem: String,
    /// The identity provider at Qlik, where this portal made it.
    pub idp_id: Option<String>,
    /// When the certificate ends.
    pub not_after: Timestamp,
}

struct Raw {
    issuer: String,
    kid: String,
    certificate_pem: String,
    idp_id: Option<String>,
    not_after: i64,
}

impl From<Raw> for IdentityView {
    fn from(r: Raw) -> Self {
        let Raw { issuer, kid, certificate_pem, idp_id, not_after } = r;
        Self { issuer, kid, certificate_pem, idp_id, not_after: at(not_after) }
    }
}

/// A key pair that was just made, its private part sealed.
pub(crate) struct NewIdentity {
    pub(crate) kid: String,
    issuer: String,
    pem: String,
    sealed: Vec<u8>,
    not_after: i64,
}

fn place<'a>(portal_id: &'a str, kid: &'a str) -> Place<'a> {
    Place { portal: portal_id, table: "signing_identities", row: kid, column: "sealed_key" }
}

/// Of two signing keys of a portal the one that signs from now on.
pub(crate) async fn move_active(tx: &mut Tx<'_>, portal_id: &str, from: &str, to: &str) -> Result<(), Error> {
    // In this order: at no time do two sign.
    for (kid, active, was) in [(from, 0, 1), (to, 1, 0)] {
        let moved = sqlx::query!(
            "UPDATE signing_identities SET active = ? WHERE portal_id = ? AND kid = ? AND active = ?",
            active,
            portal_id,
            kid,
            was
        )
        .execute(&mut **tx)
        .await?;
        one_row(&moved, "signing_identities")?;
    }
    Ok(())
}

/// Forgets a signing key, the private part included; never the one that signs.
pub(crate) async fn wipe(tx: &mut Tx<'_>, portal_id: &str, kid: &str) -> Result<(), Error> {
    let gone = sqlx::query!(
        "DELETE FROM signing_identities WHERE portal_id = ? AND kid = ? AND active = 0",
        portal_id,
        kid
    )
    .execute(&mut **tx)
    .await?;
    Ok(one_row(&gone, "signing_identities")?)
}

/// Remembers which identity provider at Qlik this portal made for a key.
pub(crate) async fn note_idp(
    tx: &mut Tx<'_>,
    portal_id: &str,
    kid: &str,
    idp_id: Option<&str>,
) -> Result<(), Error> {
    let noted = sqlx::query!(
        "UPDATE signing_identities SET idp_id = ? WHERE portal_id = ? AND kid = ?",
        idp_id,
        portal_id,
        kid
    )
    .execute(&mut **tx)
    .await?;
    Ok(one_row(&noted, "signing_identities")?)
}

impl Services {
    /// The portal's signing identity, made at the first call: an RSA-2048 key
    /// pair whose private part is sealed.
    ///
    /// # Errors
    /// [`Error`] where the store, the vault or the key generation fails.
    pub async fn identity(&self, portal: &Portal) -> Result<IdentityView, Error> {
        if let Some(found) = self.stored_identity(&portal.id).await? {
            return Ok(found);
        }
        // The portal's id keeps two portals of one hostname apart at Qlik.
        let issuer = format!("https://{}/qonduit/{}", portal.hostname, portal.id);
        let made = self.make_identity(portal, issuer).await?;
        let (id, now) = (self.new_id(), self.now().as_second());
        let mut tx = self.db().write().await?;
        // Of two first looks at once one makes it; the other then reads it.
        sqlx::query!(
            "INSERT INTO signing_identities
                 (id, portal_id, issuer, kid, certificate_pem, sealed_key, active, created_at, not_after)
             SELECT ?, ?, ?, ?, ?, ?, 1, ?, ?
             WHERE NOT EXISTS (SELECT 1 FROM signing_identities WHERE portal_id = ? AND active = 1)",
            id,
            portal.id,
            made.issuer,
            made.kid,
            made.pem,
            made.sealed,
            now,
            made.not_after,
            portal.id
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        self.stored_identity(&portal.id).await?.ok_or(Error::Internal("the signing identity was not stored"))
    }

    /// Makes a key pair; nothing is stored yet.
    pub(crate) async fn make_identity(&self, portal: &Portal, issuer: String) -> Result<NewIdentity, Error> {
        let (common_name, qlik) = (portal.hostname.clone(), self.qlik().clone());
        let made = tokio::task::spawn_blocking(move || {
            SigningIdentity::generate(&issuer, &common_name, &**qlik.clock(), &**qlik.entropy())
        })
        .await
        .map_err(|_| Error::Internal("making the signing key was broken off"))?;
        let (identity, certificate) = made?;
        let kid = identity.kid().to_owned();
        let sealed =
            self.vault().seal(place(&portal.id, &kid), identity.private_key_pem().expose().as_bytes())?;
        Ok(NewIdentity {
            kid,
            issuer: identity.issuer().to_owned(),
            pem: certificate.pem,
            sealed,
            not_after: certificate.not_after.as_second(),
        })
    }

    /// Stores a key pair beside the one that signs.
    pub(crate) async fn add_identity(
        &self,
        tx: &mut Tx<'_>,
        portal_id: &str,
        new: &NewIdentity,
    ) -> Result<(), Error> {
        let (id, now) = (self.new_id(), self.now().as_second());
        sqlx::query!(
            "INSERT INTO signing_identities
                 (id, portal_id, issuer, kid, certificate_pem, sealed_key, active, created_at, not_after)
             VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?)",
            id,
            portal_id,
            new.issuer,
            new.kid,
            new.pem,
            new.sealed,
            now,
            new.not_after
        )
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    async fn stored_identity(&self, portal_id: &str) -> Result<Option<IdentityView>, Error> {
        let raw = sqlx::query_as!(
            Raw,
            r#"SELECT issuer AS "issuer!", kid AS "kid!", certificate_pem AS "certificate_pem!", idp_id,
                      not_after AS "not_after!"
               FROM signing_identities WHERE portal_id = ? AND active = 1"#,
            portal_id
        )
        .fetch_optional(self.db().read())
        .await?;
        Ok(raw.map(IdentityView::from))
    }

    /// A signing identity of the portal, whether it signs now or not.
    pub(crate) async fn identity_of(
        &self,
        portal_id: &str,
        kid: &str,
    ) -> Result<Option<IdentityView>, Error> {
        let raw = sqlx::query_as!(
            Raw,
            r#"SELECT issuer AS "issuer!", kid AS "kid!", certificate_pem AS "certificate_pem!", idp_id,
                      not_after AS "not_after!"
               FROM signing_identities WHERE portal_id = ? AND kid = ?"#,
            portal_id,
            kid
        )
        .fetch_optional(self.db().read())
        .await?;
        Ok(raw.map(IdentityView::from))
    }

    /// Remembers which identity provider at Qlik is ours; `None` forgets it.
    pub(crate) async fn set_idp(
        &self,
        portal_id: &str,
        kid: &str,
        idp_id: Option<&str>,
    ) -> Result<(), Error> {
        let mut tx = self.db().write().await?;
        note_idp(&mut tx, portal_id, kid, idp_id).await?;
        Ok(tx.commit().await?)
    }
}
