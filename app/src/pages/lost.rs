//! What users registered or connected and another option makes useless.

use backend::Services;
use leptos::prelude::*;

use super::matching::counted;
use crate::{error::AppError, ui::alert::Alert, wire::Tone};

/// What users registered or connected for the option in force, which a key takes the
/// place of.
pub(super) struct Lost {
    pub(super) passwords: i64,
    pub(super) grants: i64,
}

impl Lost {
    pub(super) async fn read(services: &Services, portal_id: &str) -> Result<Self, AppError> {
        let passwords = services.stored_passwords(portal_id).await?;
        Ok(Self { passwords, grants: services.stored_grants(portal_id).await? })
    }

    pub(super) fn says(&self) -> Option<AnyView> {
        let passwords = (self.passwords > 0).then(|| {
            counted(self.passwords, "stored Qlik password is wiped.", "stored Qlik passwords are wiped.")
        });
        let grants = (self.grants > 0).then(|| {
            counted(
                self.grants,
                "connection of a user to Qlik is revoked.",
                "connections of users to Qlik are revoked.",
            )
        });
        (passwords.is_some() || grants.is_some()).then(|| {
            view! {
                <Alert tone=Tone::Warning>
                    <p>"With the key the portal’s authentication option changes. " {passwords} " " {grants}</p>
                </Alert>
            }
            .into_any()
        })
    }
}
