//! Between the people forms and the backend's types.

use backend::{Actor, Role, people::Invitation};
use secrecy::ExposeSecret;

use super::flash::{self, OneTimeLink};
use crate::{error::AppError, routes};

/// The role with the name `value`.
///
/// # Errors
/// A field error where there is none.
pub fn parse_role(value: &str) -> Result<Role, AppError> {
    Role::parse(value).ok_or_else(|| AppError::field("role", "wrong"))
}

/// Leaves the invitation's link for the next page of the administrator `me`.
///
/// # Errors
/// Only unexpected ones.
pub async fn leave_link(me: &Actor, invitation: &Invitation) -> Result<(), AppError> {
    let path = routes::join(invitation.token.expose_secret());
    let link = OneTimeLink {
        user_id: invitation.user_id.clone(),
        url: format!("{}{path}", me.portal.origin),
        expires_at: invitation.expires_at.as_second(),
    };
    flash::put_link(&me.portal.id, &link).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_comes_back_from_its_form_value() {
        for role in [Role::User, Role::Administrator] {
            assert!(parse_role(role.as_str()).is_ok_and(|r| r == role));
        }
        assert_eq!(parse_role("owner").unwrap_err(), AppError::field("role", "wrong"));
    }
}
