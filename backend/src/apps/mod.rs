//! My apps: the Qlik apps that a user may open, read with the user's own Qlik
//! session.

mod reading;

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
pub(crate) use reading::Reading;

use qlik::{
    AppItem, AppQuery, Lane, Page, Space,
    error::{Error as QlikError, ErrorKind},
    session::QlikSession,
};

use crate::{
    Actor, Error, Services,
    door::{NoSession, Trouble},
};

/// How many apps a page shows.
const PAGE: u32 = 20;

/// What to show.
#[derive(Debug, Clone, Default)]
pub struct AppsQuery {
    /// Words of the app's name.
    pub search: Option<String>,
    /// Where a page begins, as an earlier page told.
    pub cursor: Option<String>,
}

/// One app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppRow {
    /// The app's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What its author says of it.
    pub description: Option<String>,
    /// The space's name; `None` is the user's personal space.
    pub space: Option<String>,
    /// When its data was last loaded.
    pub reloaded_at: Option<Timestamp>,
    /// Where it opens in Qlik.
    pub open_url: String,
}

/// A page of apps, or what stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppsPage {
    /// The apps.
    Apps {
        /// In Qlik's order: last changed first.
        apps: Vec<AppRow>,
        /// Where the next page begins.
        next: Option<String>,
        /// Where the page before begins.
        prev: Option<String>,
        /// Who the user is at Qlik.
        qlik_user: String,
    },
    /// What stands in the way.
    Trouble(Trouble),
}

impl Services {
    /// A page of the user's apps.
    ///
    /// # Errors
    /// [`Error`] where the store or the vault fails, [`Error::TooManyTries`] where
    /// this user asks for too many pages at once; what is wrong at Qlik is an
    /// [`AppsPage::Trouble`].
    pub async fn my_apps(&self, actor: &Actor, query: AppsQuery) -> Result<AppsPage, Error> {
        let _place = self.0.reading.enter(&actor.user_id).await?;
        self.in_lane(Lane::person(&actor.user_id)).page_of_apps(actor, query).await
    }

    async fn page_of_apps(&self, actor: &Actor, query: AppsQuery) -> Result<AppsPage, Error> {
        let Some(at) = self.connection(&actor.portal.id).await? else {
            return Ok(AppsPage::Trouble(Trouble::not_connected()));
        };
        let wanted = AppQuery {
            name: query.search.map(|s| s.trim().to_owned()).filter(|s| !s.is_empty()),
            limit: PAGE,
            cursor: query.cursor,
            ..AppQuery::default()
        };
        // A session that Qlik ended is opened anew, once.
        for last in [false, true] {
            let session = match self.session(actor, &at).await {
                Ok(s) => s,
                Err(e) => return no_session(&e).map(AppsPage::Trouble),
            };
            match self.read_apps(&session, &wanted).await {
                Ok((page, spaces)) => return Ok(show(page, &spaces, &session)),
                Err(e) if e.kind() == ErrorKind::Unauthorized && !last => {
                    self.drop_session(actor, &session).await?;
                }
                Err(e) => return Ok(AppsPage::Trouble(Trouble::of_call(&e, at.host.as_str()))),
            }
        }
        Err(Error::Internal("unreachable: the second try returns"))
    }

    async fn read_apps(
        &self,
        session: &Arc<QlikSession>,
        query: &AppQuery,
    ) -> Result<(Page<AppItem>, Vec<Space>), QlikError> {
        let tenant = self.qlik().with_session(&session.host(), session.clone());
        let page = tenant.apps_page(query).await?;
        if page.data.iter().all(|a| a.space_id.is_none()) {
            return Ok((page, Vec::new()));
        }
        // Names of spaces are a comfort: without them the list is still right.
        let spaces = match tenant.spaces().await {
            Ok(spaces) => spaces,
            Err(e) if e.kind() == ErrorKind::Unauthorized => return Err(e),
            Err(e) => {
                tracing::info!(error = %e, "the spaces could not be read");
                Vec::new()
            }
        };
        Ok((page, spaces))
    }
}

/// What an unopened session means for a page.
pub(crate) fn no_session(e: &Arc<NoSession>) -> Result<Trouble, Error> {
    match &**e {
        NoSession::Trouble(t) => Ok(t.clone()),
        NoSession::Failed(inner) => {
            tracing::error!(error = %inner, "a Qlik session could not be opened");
            Err(Error::Internal("a Qlik session could not be opened"))
        }
    }
}

fn show(page: Page<AppItem>, spaces: &[Space], session: &QlikSession) -> AppsPage {
    let names: HashMap<&str, &str> = spaces.iter().map(|s| (s.id.as_str(), s.name.as_str())).collect();
    let apps = page
        .data
        .into_iter()
        .map(|a| AppRow {
            space: a
                .space_id
                .as_deref()
                .map(|id| names.get(id).copied().unwrap_or("A shared space").to_owned()),
            id: a.resource_id,
            name: a.name,
            description: a.description.filter(|d| !d.is_empty()),
            reloaded_at: a.reloaded_at,
            open_url: a.open_url,
        })
        .collect();
    let me = session.user();
    let qlik_user = me.email.clone().unwrap_or_else(|| me.name.clone());
    AppsPage::Apps { apps, next: page.next, prev: page.prev, qlik_user }
}
