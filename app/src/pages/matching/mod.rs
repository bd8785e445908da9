//! Who will match: the portal's users compared with the Qlik tenant's, and what
//! a sign-in may do at Qlik.

mod allow;
pub(crate) mod asked;
mod progress;
mod result;

pub(super) use progress::counted;

use backend::connection::AuthOption;
use backend::{
    Actor, Services,
    matching::{MatchingView, RowsPage, RowsQuery},
};
use leptos::{prelude::*, server_fn::ServerFn};

use super::{USERS, Visit, load};
use crate::{
    api::{form, matching::CompareUsers},
    error::AppError,
    islands::LivePart,
    routes,
    ssr::{ctx, flash, settings::mark},
    ui::{
        button::{LinkButton, SubmitButton, Weight},
        card::{Card, Empty},
        form::ErrorSummary,
        page::Frame,
    },
};

/// The comparison as the page shows it.
#[derive(Debug)]
pub(crate) struct Shown {
    view: MatchingView,
    rows: Option<RowsPage>,
    asked: RowsQuery,
}

impl Shown {
    /// Reads what `asked` asks for.
    pub(crate) async fn read(services: &Services, me: &Actor, asked: RowsQuery) -> Result<Self, AppError> {
        let view = services.matching_view(me).await?;
        let rows = match &view.last {
            Some(last) => Some(services.matching_rows(me, &last.id, &asked).await?),
            None => None,
        };
        Ok(Self { view, rows, asked })
    }

    /// One is under way.
    pub(crate) fn is_running(&self) -> bool {
        self.view.running.is_some()
    }
}

/// The parts of the page that change while a comparison is under way, for a
/// script; the result is left out until there is a new one.
pub(crate) fn live_html(shown: &Shown) -> String {
    let result =
        (!shown.is_running()).then(|| view! { <div id="matching-result">{result::result(shown)}</div> });
    view! {
        <div id="matching-says">{progress::says(&shown.view)}</div>
        <div id="matching-progress">{progress::progress(&shown.view, &shown.asked)}</div>
        {result}
    }
    .to_html()
}

/// The page. `?q=`, `?verdict=`, `?sort=` and `?page=` choose the rows.
#[component]
pub fn MatchingPage() -> impl IntoView {
    load(async {
        let visit = Visit::admin().await?;
        let shown = Shown::read(&ctx::services()?, &visit.actor, asked::read(ctx::query)).await?;
        let compared = flash::take_form(form::MATCHING).await?;
        let allowed = flash::take_form(form::ALLOW).await?;
        let wrong = compared.has_errors() || allowed.has_errors();
        let lead = shown.view.allowed.is_some().then(|| {
            view! {
                <p class="lead">
                    "Each user of this portal is looked for at Qlik by e-mail. See here who will be found, before they sign in."
                </p>
            }
        });
        let content = match &shown.view.allowed {
            None => not_connected(ctx::services()?.option(&visit.actor.portal.id).await?),
            Some(tenant) => {
                let mark = mark(&live_html(&shown));
                let allow = allow::card(&allowed, tenant);
                view! {
                    {comparison(&shown, mark)}
                    <div class="stack" id="matching-result">{result::result(&shown)}</div>
                    {allow}
                }
                .into_any()
            }
        };
        Ok(view! {
            <Frame viewer=visit.viewer crumbs=USERS title="Who will match" here=routes::USERS notice=visit.notice wrong>
                <ErrorSummary form=compared/>
                <ErrorSummary form=allowed/>
                {lead}
                {content}
            </Frame>
        }
        .into_any())
    })
}

/// There is nothing to compare: no tenant, or no key to read its users with.
fn not_connected(option: Option<AuthOption>) -> AnyView {
    if let Some(option) = option {
        let own = if option.asks_users() {
            "Users sign in by themselves; how each stands is under Users."
        } else {
            "Each user is looked up when they open My apps, which says what is wrong where nobody is found."
        };
        return view! {
            <Empty title="Users are compared only with a Qlik Sense API key">
                <p>"This portal uses " {option.label()} ". " {own}</p>
                <p><LinkButton href=routes::USERS weight=Weight::Primary>"Open Users"</LinkButton></p>
            </Empty>
        }
        .into_any();
    }
    view! {
        <Empty title="This portal is not connected to Qlik Cloud yet">
            <p>"Connect it first; then its users can be compared with those of the Qlik tenant."</p>
            <p><LinkButton href=routes::SETTINGS weight=Weight::Primary>"Open Settings"</LinkButton></p>
        </Empty>
    }
    .into_any()
}

fn comparison(shown: &Shown, mark: String) -> AnyView {
    let says = progress::says(&shown.view);
    let progress = progress::progress(&shown.view, &shown.asked);
    let stream = asked::stream(&shown.asked);
    view! {
        <Card id="comparison" title="Comparison">
            <div class="stack" id="matching" data-mark=mark data-stream=stream>
                <div class="slot" id="matching-says" role="status">{says}</div>
                <div class="stack slot" id="matching-progress">{progress}</div>
            </div>
            <div class="actions">
                <form method="post" action=CompareUsers::PATH>
                    <SubmitButton label="Compare now" busy="Starting…" weight=Weight::Primary/>
                </form>
                <LivePart/>
            </div>
            <p class="hint">
                "Reads the Qlik tenant’s users with the portal’s API key, a hundred at a time, and changes nothing there."
            </p>
        </Card>
    }
    .into_any()
}
