//! Users' own ways to Qlik, from the backend's view to what pages show.

use std::collections::HashMap;

use backend::{
    Actor,
    connection::AuthOption,
    credentials::{CredentialState, Registered},
};

use super::ctx;
use crate::{
    error::AppError,
    pages::{connected_as, registered_as},
    wire::{Notice, Tone},
};

/// What was tried works, and is stored.
pub fn worked(end: &Registered) -> bool {
    end.stored && end.view.state == CredentialState::Works
}

/// How a sign-in at Qlik ended.
pub fn notice_of_registered(end: &Registered) -> Notice {
    if worked(end) {
        return Notice::good("It works. Your Qlik password is stored, and My apps opens with it.");
    }
    let says = end.view.says.clone().unwrap_or_else(|| "It did not work.".to_owned());
    // What to do stands in the card below.
    Notice::bad(says)
}

/// How one user stands with their own part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// How it is meant.
    pub tone: Tone,
    /// In a word.
    pub text: &'static str,
    /// What happened, where something did.
    pub says: Option<String>,
    /// They have done it, and it works.
    pub ready: bool,
    /// They were asked to.
    pub asked: bool,
}

/// How all users stand, by their id; none where they have nothing to do.
#[derive(Debug, Clone, Default)]
pub struct Standings {
    by_user: HashMap<String, Standing>,
    /// What they are to do.
    pub option: Option<AuthOption>,
    /// They have nothing to do, and are not compared with Qlik's.
    pub everyone: bool,
}

impl Standings {
    /// Reads them for `actor`.
    ///
    /// # Errors
    /// Not an administrator, or an unexpected one.
    pub async fn read(actor: &Actor) -> Result<Self, AppError> {
        let services = ctx::services()?;
        let stored = services.option(&actor.portal.id).await?;
        let Some(option) = stored.filter(|o| o.asks_users()) else {
            let everyone = stored == Some(AuthOption::OauthEveryone);
            return Ok(Self { everyone, ..Self::default() });
        };
        let asked = services.asked(actor).await?;
        let mut by_user = HashMap::new();
        if option == AuthOption::Credentials {
            for (id, view) in services.credential_states(actor).await? {
                let (tone, text) = registered_as(view.state);
                let (ready, asked) = (view.state == CredentialState::Works, asked.contains(&id));
                by_user.insert(id, Standing { tone, text, says: view.says, ready, asked });
            }
        } else {
            for (id, view) in services.grant_states(actor).await? {
                let (tone, text) = connected_as(view.state);
                let (ready, asked) = (tone == Tone::Good, asked.contains(&id));
                // Its sentences speak to the user themselves.
                by_user.insert(id, Standing { tone, text, says: None, ready, asked });
            }
        }
        Ok(Self { by_user, option: Some(option), everyone: false })
    }

    /// How one user stands; none where users have nothing to do.
    pub fn of(&self, user_id: &str) -> Option<Standing> {
        let option = self.option?;
        Some(self.by_user.get(user_id).cloned().unwrap_or(Standing {
            tone: Tone::Neutral,
            text: if option == AuthOption::Credentials { "Not registered" } else { "Not connected" },
            says: None,
            ready: false,
            asked: false,
        }))
    }
}
