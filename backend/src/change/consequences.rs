//! What a change of the settings means for what users registered or connected.

use crate::{Error, Services, connection::Ground, integration::FormView};

/// What a change means for users.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Consequences {
    /// Stored passwords that are wiped.
    pub passwords: i64,
    /// Users whose connection to Qlik is revoked.
    pub grants: i64,
    /// Active users of the portal.
    pub people: i64,
    /// What users registered or connected stays good, where they have to at all.
    pub carried: bool,
}

impl FormView {
    /// What users register or connect for.
    pub(super) fn ground(&self) -> Ground<'_> {
        Ground { option: self.option, host: &self.tenant_host, client_id: self.client_id.as_deref() }
    }
}

impl Services {
    pub(super) async fn consequences(
        &self,
        portal: &str,
        now: Ground<'_>,
        then: Ground<'_>,
    ) -> Result<Consequences, Error> {
        let people = sqlx::query_scalar!(
            r#"SELECT count(*) AS "n!: i64" FROM users WHERE portal_id = ? AND status = 'active'"#,
            portal
        )
        .fetch_one(self.db().read())
        .await?;
        let carried = now.carries(then);
        let (passwords, grants) = if carried {
            (0, 0)
        } else {
            (self.stored_passwords(portal).await?, self.stored_grants(portal).await?)
        };
        Ok(Consequences { passwords, grants, people, carried })
    }
}
