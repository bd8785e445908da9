//! Apps and spaces, and who sees them.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::{State, WorldError};
use crate::clock::later;
use crate::ids;

/// An app to make.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewApp {
    /// The app's name.
    pub name: String,
    /// A sentence about it; empty for none.
    pub description: String,
    /// The id of the owner.
    pub owner: String,
    /// The id of its space; without it, the owner's personal space.
    pub space: Option<String>,
    /// Ids of further users who may see it.
    pub readers: Vec<String>,
    /// When its data were last loaded.
    pub reloaded_at: Option<Timestamp>,
    /// When it was last changed; without it, now.
    pub updated_at: Option<Timestamp>,
}

#[derive(Debug, Clone)]
pub(crate) struct App {
    /// The id of the catalogue's item.
    pub(crate) item_id: String,
    /// The app's own id, the item's `resourceId`.
    pub(crate) id: String,
    pub(crate) tenant: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) owner: String,
    pub(crate) space: Option<String>,
    pub(crate) readers: BTreeSet<String>,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) reloaded: Option<Timestamp>,
}

#[derive(Debug, Clone)]
pub(crate) struct Space {
    pub(crate) id: String,
    pub(crate) tenant: String,
    pub(crate) name: String,
    /// `shared`, `managed` or `data`; personal spaces have no entry.
    pub(crate) kind: String,
    pub(crate) members: BTreeSet<String>,
    pub(crate) created: Timestamp,
}

impl State {
    pub(crate) fn add_space(
        &mut self,
        tenant: &str,
        name: &str,
        kind: &str,
        members: BTreeSet<String>,
    ) -> Result<String, WorldError> {
        let tenant = self.find_tenant(tenant)?.id.clone();
        let id = ids::object_id();
        let created = self.now();
        self.spaces.push(Space {
            id: id.clone(),
            tenant,
            name: name.to_owned(),
            kind: kind.to_owned(),
            members,
            created,
        });
        Ok(id)
    }

    pub(crate) fn add_app(&mut self, tenant: &str, new: NewApp) -> Result<String, WorldError> {
        let tenant = self.find_tenant(tenant)?.id.clone();
        if self.user_of(&tenant, &new.owner).is_none() {
            return Err(WorldError::NoUser(new.owner));
        }
        if let Some(space) = &new.space
            && !self.spaces.iter().any(|s| s.id == *space && s.tenant == tenant)
        {
            return Err(WorldError::Nothing("space", space.clone()));
        }
        let now = self.now();
        let id = ids::uuid();
        self.apps.push(App {
            item_id: ids::object_id(),
            id: id.clone(),
            tenant,
            name: new.name,
            description: new.description,
            owner: new.owner,
            space: new.space,
            readers: new.readers.into_iter().collect(),
            created: now,
            updated: new.updated_at.unwrap_or(now),
            reloaded: new.reloaded_at,
        });
        Ok(id)
    }

    /// Makes an app that no Tenant Admin may open but its owner: alone in a managed
    /// space that the owner is the only member of, changed after all other apps, so
    /// that it comes first in lists. Gives the app and the space.
    pub(crate) fn add_closed_app(
        &mut self,
        tenant: &str,
        owner: &str,
        name: &str,
    ) -> Result<(String, String), WorldError> {
        let space = self.add_space(tenant, name, "managed", BTreeSet::from([owner.to_owned()]))?;
        let newest = self.apps.iter().map(|app| app.updated).max().unwrap_or(self.now());
        let updated_at = later(newest.max(self.now()), SignedDuration::from_millis(1));
        let new = NewApp {
            name: name.to_owned(),
            owner: owner.to_owned(),
            space: Some(space.clone()),
            updated_at: Some(updated_at),
            ..NewApp::default()
        };
        Ok((self.add_app(tenant, new)?, space))
    }

    /// Replaces the members of a space; they see and open all its apps.
    pub(crate) fn set_space_members(
        &mut self,
        space: &str,
        members: BTreeSet<String>,
    ) -> Result<(), WorldError> {
        let found = self.spaces.iter_mut().find(|s| s.id == space);
        found.ok_or_else(|| WorldError::Nothing("space", space.to_owned()))?.members = members;
        Ok(())
    }

    /// "Lists items that the user has access to"; a Tenant Admin's list also has
    /// apps that he may not open, <https://github.com/qlik-oss/enigma.js/issues/856>.
    pub(crate) fn sees_app(&self, user: &str, admin: bool, app: &App) -> bool {
        admin
            || app.owner == user
            || app.readers.contains(user)
            || app
                .space
                .as_ref()
                .and_then(|id| self.spaces.iter().find(|s| s.id == *id))
                .is_some_and(|space| space.members.contains(user))
    }

    pub(crate) fn sees_space(&self, user: &str, admin: bool, space: &Space) -> bool {
        admin
            || space.members.contains(user)
            || self
                .apps
                .iter()
                .any(|app| app.space.as_ref() == Some(&space.id) && self.sees_app(user, false, app))
    }
}
