//! What a save of the settings and the renewal task do, for tests.

use qlik::oauth::ClientSecret;

use super::release_grants;
use crate::{
    Error,
    connection::{AuthOption, Client, forget_clients, keep_client},
    store::one_row,
    testing::TestServices,
};

impl TestServices {
    /// Puts a portal that is connected on an OAuth option with this client. Gives how
    /// many connections of users ended by it.
    ///
    /// # Errors
    /// Where the portal is not connected, or the id is none.
    pub async fn use_oauth(
        &self,
        portal_id: &str,
        option: AuthOption,
        client_id: &str,
        secret: Option<&str>,
    ) -> Result<i64, Error> {
        let id = client_id.parse().map_err(|_| Error::field("client_id", "form"))?;
        let client = Client { id, secret: secret.map(|s| ClientSecret::new(s).into()) };
        let name = option.as_str();
        let mut tx = self.db().write().await?;
        let same = sqlx::query_scalar!(
            r#"SELECT auth_option = ? AND oauth_client_id IS ? AS "same!: bool" FROM integrations WHERE portal_id = ?"#,
            name,
            client_id,
            portal_id
        )
        .fetch_one(&mut *tx)
        .await?;
        let released = if same { 0 } else { release_grants(&self.services, &mut tx, portal_id).await? };
        keep_client(&self.services, &mut tx, portal_id, &client).await?;
        let changed = sqlx::query!(
            "UPDATE integrations SET auth_option = ?, oauth_client_id = ?, renewal = NULL, next_action_at = NULL,
                    version = version + 1
             WHERE portal_id = ?",
            name,
            client_id,
            portal_id
        )
        .execute(&mut *tx)
        .await?;
        one_row(&changed, "integrations")?;
        forget_clients(&mut tx, portal_id).await?;
        sqlx::query!("DELETE FROM qlik_sessions WHERE portal_id = ?", portal_id).execute(&mut *tx).await?;
        tx.commit().await?;
        self.0.sessions.invalidate_all_for(&format!("{portal_id}/")).await;
        Ok(released)
    }

    /// One look of the renewal task at the tokens that are to be revoked.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn look_at_revocations(&self) -> Result<(), Error> {
        self.revoke_due().await
    }
}
