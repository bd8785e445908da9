//! Users: <https://qlik.dev/apis/rest/users>.

use serde::{Deserialize, Serialize};

use crate::client::Tenant;
use crate::email::{email_key, same_email};
use crate::error::Error;
use crate::lenient;
use crate::open_enum::open_enum;
use crate::paging::{PAGE, Page, Query, segment};
use crate::transport::Request;

const ME: &str = "GET /api/v1/users/me";
const READ: &str = "GET /api/v1/users/{id}";
const LIST: &str = "GET /api/v1/users";
const PATH: &str = "/api/v1/users";

open_enum! {
    /// Whether a user can log in.
    UserStatus {
        /// Yes.
        Active = "active",
        /// Not before they accept.
        Invited = "invited",
        /// No, by an administrator's choice.
        Disabled = "disabled",
        /// No; only a trace is left.
        Deleted = "deleted",
        /// Made from outside, never logged in.
        Provisioned = "provisioned",
    }
}

/// A role that a user has, by themselves or through a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its id.
    #[serde(default, deserialize_with = "lenient::text")]
    pub id: Option<String>,
    /// Its name, without spaces: `TenantAdmin`.
    pub name: String,
    /// `default` or `custom`.
    #[serde(rename = "type", default, deserialize_with = "lenient::text")]
    pub kind: Option<String>,
    /// `admin` or `user`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub level: Option<String>,
}

/// A group that a user is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Its id.
    #[serde(default, deserialize_with = "lenient::text")]
    pub id: Option<String>,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// What its members may do.
    #[serde(default, deserialize_with = "lenient::list")]
    pub assigned_roles: Vec<Role>,
}

/// A user of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The user's id.
    pub id: String,
    /// The tenant.
    #[serde(default, deserialize_with = "lenient::text")]
    pub tenant_id: Option<String>,
    /// The name by which identity providers know the user.
    #[serde(default)]
    pub subject: String,
    /// The name that people see.
    #[serde(default)]
    pub name: String,
    /// Absent where the caller may not see it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub email: Option<String>,
    /// Whether the user can log in.
    #[serde(default)]
    pub status: UserStatus,
    /// Roles given to the user.
    #[serde(default, deserialize_with = "lenient::list")]
    pub assigned_roles: Vec<Role>,
    /// Groups, which give roles too.
    #[serde(default, deserialize_with = "lenient::list")]
    pub assigned_groups: Vec<Group>,
    /// Permissions given to the user. Whether those of User Default are among
    /// them is not documented.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub assigned_scopes: Vec<String>,
}

impl User {
    /// True for the role `TenantAdmin`, given directly or through a group.
    pub fn is_tenant_admin(&self) -> bool {
        self.has_role("TenantAdmin")
    }

    /// True for a role, given directly or through a group.
    pub fn has_role(&self, name: &str) -> bool {
        let groups = self.assigned_groups.iter().flat_map(|g| &g.assigned_roles);
        self.assigned_roles.iter().chain(groups).any(|role| role.name == name)
    }
}

impl Tenant {
    /// The user that the credential acts for.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unauthorized`](crate::ErrorKind::Unauthorized) for a
    /// credential that does not work, and what every call can give.
    pub async fn user_me(&self) -> Result<User, Error> {
        self.call(Request::get(ME, "/api/v1/users/me")).await?.json()
    }

    /// One user.
    ///
    /// # Errors
    ///
    /// What every call can give.
    pub async fn user(&self, id: &str) -> Result<User, Error> {
        let path = format!("{PATH}/{}", segment(READ, id)?);
        self.call(Request::get(READ, path)).await?.json()
    }

    /// All users with an e-mail address, whatever their status and however it is
    /// written (see [`same_email`]). Qlik allows several.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Forbidden`](crate::ErrorKind::Forbidden) where the caller
    /// may not read users, and what every call can give.
    pub async fn users_by_email(&self, email: &str) -> Result<Vec<User>, Error> {
        let query: Query<'_> = vec![("filter", email_filter(email)), ("limit", PAGE.to_string())];
        let mut users: Vec<User> = self.all_pages(LIST, PATH, &query).await?;
        // A filter that Qlik understood in another way must not log anyone in as
        // somebody else.
        users.retain(|user| user.email.as_deref().is_some_and(|e| same_email(e, email)));
        Ok(users)
    }

    /// All users that a person with this e-mail and name may be, whatever their
    /// status: those with the e-mail or with it as subject, those with the same
    /// mailbox under another tag (see [`untagged`]), and those with the name. Some
    /// may be found that are none of these: look at each.
    ///
    /// # Errors
    ///
    /// As for [`Tenant::users_by_email`].
    pub async fn users_who_may_be(&self, email: &str, name: &str) -> Result<Vec<User>, Error> {
        let query: Query<'_> = vec![("filter", may_be_filter(email, name)), ("limit", PAGE.to_string())];
        self.all_pages(LIST, PATH, &query).await
    }

    /// One page of all users; `limit` is 1 to 100.
    ///
    /// # Errors
    ///
    /// As for [`Tenant::users_by_email`].
    pub async fn users_page(&self, cursor: Option<&str>, limit: u32) -> Result<Page<User>, Error> {
        let query: Query<'_> = vec![("limit", limit.clamp(1, PAGE).to_string())];
        self.page(LIST, PATH, &query, cursor).await
    }
}

/// A SCIM filter (<https://www.rfc-editor.org/rfc/rfc7644#section-3.4.2.2>),
/// whose strings are JSON strings.
fn email_filter(email: &str) -> String {
    format!("email eq {}", quoted(email))
}

fn quoted(text: &str) -> serde_json::Value {
    serde_json::Value::from(text)
}

/// Of fields and operators that <https://qlik.dev/apis/rest/users> lists; its
/// comparisons ignore case.
fn may_be_filter(email: &str, name: &str) -> String {
    let mut any = vec![email_filter(email), format!("subject eq {}", quoted(email))];
    // As it is written: what Qlik folds is not known.
    let mailbox = without_tag(email.to_ascii_lowercase());
    if let Some((local, domain)) = mailbox.rsplit_once('@') {
        let (tagged, domain) = (quoted(&format!("{local}+")), quoted(&format!("@{domain}")));
        any.push(format!("(email co {tagged} and email co {domain})"));
    }
    if !same_email(&mailbox, email) {
        any.push(email_filter(&mailbox));
    }
    let name = name.trim();
    if !name.is_empty() {
        any.push(format!("name eq {}", quoted(name)));
    }
    any.join(" or ")
}

/// The key of an address (see [`email_key`]) without what follows a plus before the `@`: many
/// mail servers bring `ada+qlik@acme.example` to `ada@acme.example`
/// (<https://www.rfc-editor.org/rfc/rfc5233>).
pub fn untagged(email: &str) -> String {
    without_tag(email_key(email))
}

fn without_tag(email: String) -> String {
    match email.rsplit_once('@') {
        Some((local, domain)) => match local.split_once('+') {
            Some((mailbox, _)) if !mailbox.is_empty() => format!("{mailbox}@{domain}"),
            _ => email,
        },
        None => email,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_can_not_be_broken_out_of() {
        assert_eq!(email_filter("a@b.c"), r#"email eq "a@b.c""#);
        assert_eq!(
            email_filter(r#"x" or id pr or name eq "\"#),
            r#"email eq "x\" or id pr or name eq \"\\""#
        );
    }

    #[test]
    fn an_address_loses_its_tag_and_nothing_else() {
        for (email, mailbox) in [
            ("Ada+Qlik@Acme.example", "ada@acme.example"),
            ("ada@acme.example", "ada@acme.example"),
            ("a+b+c@x", "a@x"),
            ("+a@x", "+a@x"),
            ("a@x+y", "a@x+y"),
            ("nobody", "nobody"),
            ("", ""),
        ] {
            assert_eq!(untagged(email), mailbox);
        }
    }

    #[test]
    fn whoever_a_person_may_be_is_asked_for_at_once() {
        assert_eq!(
            may_be_filter("ada@x", " Ada \"A\" "),
            r#"email eq "ada@x" or subject eq "ada@x" or (email co "ada+" and email co "@x") or name eq "Ada \"A\"""#
        );
        assert_eq!(
            may_be_filter("ada+q@x", " "),
            r#"email eq "ada+q@x" or subject eq "ada+q@x" or (email co "ada+" and email co "@x") or email eq "ada@x""#
        );
    }

    #[test]
    fn a_tenant_admin_by_group_is_one_too() {
        let read = |json: &str| serde_json::from_str::<User>(json).unwrap();
        assert!(
            read(r#"{"id":"u","assignedRoles":[{"name":"TenantAdmin","type":"default","level":"admin"}]}"#)
                .is_tenant_admin()
        );
        assert!(
            read(r#"{"id":"u","assignedGroups":[{"name":"g","assignedRoles":[{"name":"TenantAdmin"}]}]}"#)
                .is_tenant_admin()
        );
        assert!(
            !read(r#"{"id":"u","assignedRoles":[{"name":"Tenant Admin"}],"assignedGroups":null}"#)
                .is_tenant_admin()
        );
    }

    #[test]
    fn a_user_reads_back_as_it_was_written() {
        let json = r#"{"id":"u","tenantId":"t","subject":"s","name":"N","email":"e","status":"invited","assignedRoles":[{"name":"R"},{"no":1}],"assignedScopes":["api-keys"],"zoneinfo":"x"}"#;
        let user: User = serde_json::from_str(json).unwrap();
        assert_eq!(user.status, UserStatus::Invited);
        assert_eq!(user.assigned_roles.len(), 1);
        let again: User = serde_json::from_str(&serde_json::to_string(&user).unwrap()).unwrap();
        assert_eq!(again, user);
    }
}
