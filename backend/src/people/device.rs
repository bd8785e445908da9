//! Browsers that an account knows: where somebody signed in, a sealed value stays
//! there that names the account, its password's epoch and the browser. Tries from
//! there are counted apart, so that guesses of others hold nobody up.
//!
//! Must not know cookies.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::Actor;
use crate::{
    Error, Services,
    vault::{Place, Vault},
};

/// Accounts that one browser remembers; the one that was not used longest goes.
const ACCOUNTS: usize = 8;
/// Longer is none of ours.
const LONGEST: usize = 4096;

/// One account that knows this browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    #[serde(rename = "u")]
    pub(super) user_id: String,
    #[serde(rename = "e")]
    pub(super) auth_epoch: i64,
    /// The browser, as far as this account is concerned.
    #[serde(rename = "d")]
    pub(super) device: String,
}

fn place(portal_id: &str) -> Place<'_> {
    Place { portal: portal_id, table: "users", row: "", column: "device" }
}

/// The accounts that the value names; none where it is not one of this portal.
pub(super) fn read(vault: &Vault, portal_id: &str, shown: Option<&str>) -> Vec<Known> {
    let Some(shown) = shown.filter(|s| s.len() <= LONGEST) else { return Vec::new() };
    URL_SAFE_NO_PAD
        .decode(shown)
        .ok()
        .and_then(|sealed| vault.open(place(portal_id), &sealed).ok())
        .and_then(|plain| serde_json::from_slice(&plain).ok())
        .unwrap_or_default()
}

impl Services {
    /// What the browser keeps after `actor` has signed in there, in place of what
    /// it `showed`: for a cookie that lives long. Opens nothing by itself.
    ///
    /// # Errors
    /// [`Error::Vault`].
    pub fn remember_device(&self, actor: &Actor, showed: Option<&str>) -> Result<String, Error> {
        let mut known = read(self.vault(), &actor.portal.id, showed);
        let here = known.iter().position(|k| k.user_id == actor.user_id).map(|at| known.remove(at));
        let device = here.map_or_else(|| self.new_id(), |k| k.device);
        known.insert(0, Known { user_id: actor.user_id.clone(), auth_epoch: actor.auth_epoch, device });
        known.truncate(ACCOUNTS);
        let plain =
            serde_json::to_vec(&known).map_err(|_| Error::Internal("a known browser can't be written"))?;
        Ok(URL_SAFE_NO_PAD.encode(self.vault().seal(place(&actor.portal.id), &plain)?))
    }
}
