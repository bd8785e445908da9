//! Apps and spaces, and who sees them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;

use super::{State, WorldError};
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
