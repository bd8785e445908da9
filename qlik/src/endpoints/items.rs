//! Apps and spaces that the caller may see: <https://qlik.dev/apis/rest/items>
//! and <https://qlik.dev/apis/rest/spaces>.
//!
//! A tenant administrator is shown apps that he may not open, so list with the
//! credential of the user who will.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::client::Tenant;
use crate::error::Error;
use crate::lenient;
use crate::paging::{PAGE, Page, Query, segment};

const ITEMS: &str = "GET /api/v1/items";
const SPACES: &str = "GET /api/v1/spaces";

/// Which apps to list, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppQuery {
    /// Only apps whose name holds this, ignoring case.
    pub name: Option<String>,
    /// Only apps whose name or description holds this, ignoring case.
    pub query: Option<String>,
    /// Only apps of this space; `personal` for those in no space.
    pub space_id: Option<String>,
    /// Entries per page, 1 to 100.
    pub limit: u32,
    /// A [`Page::next`] or [`Page::prev`] of the same list.
    pub cursor: Option<String>,
    /// The order.
    pub sort: AppSort,
}

impl Default for AppQuery {
    fn default() -> Self {
        Self { name: None, query: None, space_id: None, limit: 20, cursor: None, sort: AppSort::default() }
    }
}

/// The order of a list of apps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AppSort {
    /// Last changed first.
    #[default]
    Updated,
    /// Last made first.
    Created,
    /// By name, from A.
    Name,
    /// Last used by the caller first.
    RecentlyUsed,
}

impl AppSort {
    fn as_str(self) -> &'static str {
        match self {
            Self::Updated => "-updatedAt",
            Self::Created => "-createdAt",
            Self::Name => "+name",
            Self::RecentlyUsed => "-recentlyUsed",
        }
    }
}

/// An app in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppItem {
    /// The id of the entry in the list.
    pub id: String,
    /// The id of the app.
    pub resource_id: String,
    /// The app's name.
    pub name: String,
    /// What its maker says about it.
    pub description: Option<String>,
    /// Its space; none for a personal app.
    pub space_id: Option<String>,
    /// The id of its owner.
    pub owner_id: Option<String>,
    /// When the app was last changed.
    pub updated_at: Option<Timestamp>,
    /// When its data was last loaded, or the attempt ended.
    pub reloaded_at: Option<Timestamp>,
    /// How that went, in Qlik's words.
    pub reload_status: Option<String>,
    /// The address at which a person opens it, on the tenant's host.
    pub open_url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawItem {
    id: String,
    #[serde(default, deserialize_with = "lenient::text")]
    resource_id: Option<String>,
    #[serde(default)]
    name: String,
    #[serde(default, deserialize_with = "lenient::text")]
    description: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    space_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    owner_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::timestamp")]
    updated_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient::timestamp")]
    resource_updated_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient::timestamp")]
    resource_reload_end_time: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient::text")]
    resource_reload_status: Option<String>,
    #[serde(default)]
    links: Value,
}

/// A space, in which users share apps.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Space {
    /// Its id.
    pub id: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// `shared`, `managed` or `data`.
    #[serde(rename = "type", default)]
    pub kind: String,
}

impl Tenant {
    /// One page of the apps that the caller may see.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) for a cursor that
    /// is not one, and what every call can give.
    pub async fn apps_page(&self, query: &AppQuery) -> Result<Page<AppItem>, Error> {
        let mut pairs: Query<'_> = vec![
            ("resourceType", "app".to_owned()),
            ("limit", query.limit.clamp(1, PAGE).to_string()),
            ("sort", query.sort.as_str().to_owned()),
            ("noActions", "true".to_owned()),
        ];
        pairs.extend(query.name.clone().map(|v| ("name", v)));
        pairs.extend(query.query.clone().map(|v| ("query", v)));
        pairs.extend(query.space_id.clone().map(|v| ("spaceId", v)));
        let page: Page<RawItem> = self.page(ITEMS, "/api/v1/items", &pairs, query.cursor.as_deref()).await?;
        Ok(page.map(|raw| self.app(raw)))
    }

    /// All spaces that the caller may see, in up to 50 pages of 100.
    ///
    /// # Errors
    ///
    /// What every call can give.
    pub async fn spaces(&self) -> Result<Vec<Space>, Error> {
        self.all_pages(SPACES, "/api/v1/spaces", &vec![("limit", PAGE.to_string())]).await
    }

    fn app(&self, raw: RawItem) -> AppItem {
        let resource_id = raw.resource_id.unwrap_or_default();
        let given = raw.links.get("open").and_then(|l| l.get("href").or(Some(l))).and_then(Value::as_str);
        let path = given
            .filter(|href| !href.is_empty())
            .and_then(|href| self.transport.aliases.on_tenant(&self.host, "/", href))
            .or_else(|| segment(ITEMS, &resource_id).ok().map(|id| format!("/sense/app/{id}")))
            .unwrap_or_default();
        AppItem {
            id: raw.id,
            name: raw.name,
            description: raw.description,
            space_id: raw.space_id,
            owner_id: raw.owner_id,
            updated_at: raw.resource_updated_at.or(raw.updated_at),
            reloaded_at: raw.resource_reload_end_time,
            reload_status: raw.resource_reload_status,
            open_url: self.host.url(&path),
            resource_id,
        }
    }
}
