//! The demo world: what someone who tries the sandbox finds there.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde::Serialize;

use crate::clock::later;
use crate::world::{
    NewAccount, NewApp, NewClient, NewTenant, NewUser, State, UserRef, UserStatus, WorldError,
};

/// What the demo world is adjusted to.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// The origin of the portal under trial; the web integration lists it.
    pub portal_origin: String,
}

/// What one needs to use the demo world. Holds an API key: not for logs.
#[derive(Clone, Serialize)]
pub struct Demo {
    /// The hostname to type.
    pub tenant_host: String,
    /// The tenant's permanent hostname.
    pub permanent_host: String,
    /// The tenant's id.
    pub tenant_id: String,
    /// The web integration that lists the portal's origin.
    pub web_integration_id: String,
    /// The origin that it lists.
    pub portal_origin: String,
    /// An API key of the Tenant Admin, 3 days long.
    pub api_key: String,
    /// That key's id.
    pub api_key_id: String,
    /// The Tenant Admin.
    pub admin: UserRef,
    /// Further users, each with other apps.
    pub users: Vec<UserRef>,
    /// A Qlik Account for each of these users.
    pub accounts: Vec<DemoAccount>,
    /// A trusted web client that may impersonate, and send its codes to
    /// `oauth_redirect_uri`.
    pub oauth_client_id: String,
    /// Its secret.
    pub oauth_client_secret: String,
    /// Where its codes may go.
    pub oauth_redirect_uri: String,
    /// A second tenant, without anything that fits the portal.
    pub other_tenant_host: String,
}

/// What a demo user signs in with at the login host.
#[derive(Clone, Serialize)]
pub struct DemoAccount {
    /// The e-mail.
    pub email: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for DemoAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DemoAccount").field("email", &self.email).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Demo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Demo")
            .field("tenant_host", &self.tenant_host)
            .field("web_integration_id", &self.web_integration_id)
            .field("api_key_id", &self.api_key_id)
            .finish_non_exhaustive()
    }
}

/// The tenant's maximum lifetime of keys.
const MAX_KEY_LIFETIME: SignedDuration = SignedDuration::from_hours(24 * 30);
/// What the help page asks for.
const KEY_LIFETIME: SignedDuration = SignedDuration::from_hours(24 * 3);

/// Where a portal is likely to take codes; the control interface can name another.
const OAUTH_CALLBACK: &str = "/qlik/oauth/callback";

/// Names of apps: subject, then view.
const SUBJECTS: [&str; 8] =
    ["Sales", "Finance", "Supply chain", "Human resources", "Marketing", "Production", "Service", "Projects"];
const VIEWS: [&str; 4] = ["overview", "by region", "month by month", "forecast"];

/// Fills an empty world.
///
/// # Errors
///
/// When the world is not empty and a hostname is taken.
pub(crate) fn seed(state: &mut State, options: &DemoOptions) -> Result<Demo, WorldError> {
    let acme = state.add_tenant(NewTenant { name: Some("Acme".into()), ..NewTenant::new("acme", "eu") })?;
    let globex =
        state.add_tenant(NewTenant { name: Some("Globex".into()), ..NewTenant::new("globex", "us") })?;
    state.set_key_config(&acme.id, MAX_KEY_LIFETIME, 5)?;

    let named = |name: &str, user: NewUser| NewUser { name: name.into(), ..user };
    let ada = state.add_user(&acme.id, named("Ada Lovelace", NewUser::admin("ada@acme.example")))?;
    let bea = state.add_user(&acme.id, named("Bea Novak", NewUser::new("bea@acme.example")))?;
    let carl = state.add_user(&acme.id, named("Carl Reyes", NewUser::new("carl@acme.example")))?;
    let gone =
        NewUser { status: UserStatus::Disabled, ..named("Dora Lind", NewUser::new("dora@acme.example")) };
    let dora = state.add_user(&acme.id, gone)?;
    state.add_user(&globex.id, named("Hank Scorpio", NewUser::admin("hank@globex.example")))?;

    let members = |users: &[&UserRef]| users.iter().map(|u| u.id.clone()).collect::<BTreeSet<_>>();
    let everyone = state.add_space(&acme.id, "Everyone", "shared", members(&[&ada, &bea, &carl]))?;
    let finance = state.add_space(&acme.id, "Finance", "managed", members(&[&ada, &bea]))?;
    let plant = state.add_space(&acme.id, "Plant", "managed", members(&[&ada, &carl]))?;
    let spaces = [Some(everyone), Some(finance), Some(plant), None];

    let now = state.now();
    let mut hours = 0;
    for subject in SUBJECTS {
        for (view, space) in VIEWS.into_iter().zip(&spaces) {
            hours += 7;
            // Personal apps go to Bea and Carl in turn.
            let owner = if space.is_some() {
                &ada
            } else if hours % 2 == 0 {
                &bea
            } else {
                &carl
            };
            state.add_app(
                &acme.id,
                NewApp {
                    name: format!("{subject} {view}"),
                    description: format!("{subject}, {view}, for the monthly report"),
                    owner: owner.id.clone(),
                    space: space.clone(),
                    readers: Vec::new(),
                    reloaded_at: Some(later(now, SignedDuration::from_hours(-hours))),
                    updated_at: Some(later(now, SignedDuration::from_hours(-hours * 2))),
                },
            )?;
        }
    }

    let integration = state.add_web_integration(
        &acme.id,
        "Reporting portal",
        vec![options.portal_origin.clone()],
        &ada.id,
    )?;
    let web_integration_id = integration.id.clone();
    let key = state.create_key(&ada.id, "Reporting portal", KEY_LIFETIME)?;
    let accounts = add_accounts(state, &[&ada, &bea, &carl, &dora])?;
    let oauth_redirect_uri = format!("{}{OAUTH_CALLBACK}", options.portal_origin);
    let client = NewClient {
        redirect_uris: vec![oauth_redirect_uri.clone()],
        scopes: vec!["user_default".into(), "admin.users:read".into(), "offline_access".into()],
        ..NewClient::impersonator("Reporting portal")
    };
    let client = state.add_client(&acme.id, client, &ada.id)?;
    let oauth_client_secret = client.secrets.first().map(|secret| secret.value.clone()).unwrap_or_default();
    Ok(Demo {
        accounts,
        oauth_client_id: client.id,
        oauth_client_secret,
        oauth_redirect_uri,
        tenant_host: acme.alias_host,
        permanent_host: acme.permanent_host,
        tenant_id: acme.id,
        web_integration_id,
        portal_origin: options.portal_origin.clone(),
        api_key: key.token,
        api_key_id: key.id,
        admin: ada,
        users: vec![bea, carl, dora],
        other_tenant_host: globex.alias_host,
    })
}

/// A Qlik Account for each user, with a password that can be typed.
fn add_accounts(state: &mut State, users: &[&UserRef]) -> Result<Vec<DemoAccount>, WorldError> {
    let mut accounts = Vec::new();
    for user in users {
        let name = user.email.split('@').next().unwrap_or_default();
        let password = format!("{name}-sandbox-1843");
        state.add_account(NewAccount::new(user.email.clone(), password.clone()))?;
        accounts.push(DemoAccount { email: user.email.clone(), password });
    }
    Ok(accounts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn each_demo_user_sees_other_apps_and_the_admin_sees_enough_for_two_pages_of_20() {
        let mut state = State::new(Clock::starting(None));
        let demo = seed(&mut state, &DemoOptions { portal_origin: "http://127.0.0.1:3000".into() }).unwrap();
        let seen = |user: &UserRef, admin: bool| -> Vec<&str> {
            let apps = state.apps.iter().filter(|app| state.sees_app(&user.id, admin, app));
            apps.map(|app| app.name.as_str()).collect()
        };
        assert_eq!(seen(&demo.admin, true).len(), 32);
        let (bea, carl) = (seen(&demo.users[0], false), seen(&demo.users[1], false));
        assert_ne!(bea, carl);
        assert!(bea.len() > 10 && carl.len() > 10);
    }

    #[test]
    fn debug_output_keeps_keys_and_passwords_to_itself() {
        let mut state = State::new(Clock::starting(None));
        let demo = seed(&mut state, &DemoOptions { portal_origin: "http://127.0.0.1:3000".into() }).unwrap();
        let shown = format!("{demo:?} {:?}", demo.accounts);
        for secret in [&demo.api_key, &demo.oauth_client_secret, &demo.accounts[0].password] {
            assert!(!shown.contains(secret));
        }
    }
}
