//! On the way to Qlik, and back.
//!
//! A form may not lead out of the portal (the page's policy forbids it, for a form
//! that was tampered with). So the form leads to a page of the portal, and that page
//! on to Qlik.

use leptos::prelude::*;

use super::super::{Visit, go_on, load};
use crate::{
    error::AppError,
    routes,
    ssr::{ctx, flash},
    ui::{
        button::{LinkButton, Weight},
        page::Frame,
    },
    wire::Notice,
};

/// Leads on to Qlik.
#[component]
pub fn ConnectingPage() -> impl IntoView {
    load(async {
        let visit = Visit::signed_in().await?;
        let Some(url) = flash::take_leaving().await? else { return Ok(go_on(routes::PROFILE)) };
        ctx::refresh_to(&url);
        Ok(view! {
            <Frame viewer=visit.viewer title="Going to Qlik" here=routes::PROFILE notice=visit.notice>
                <p class="lead">"You sign in at Qlik and agree there that this portal opens your apps. Then you come back here."</p>
                <p class="actions"><LinkButton href=url weight=Weight::Primary>"Go on to Qlik"</LinkButton></p>
            </Frame>
        }
        .into_any())
    })
}

/// Takes what the browser brings back from Qlik, and leads to the profile.
#[component]
pub fn ConnectedPage() -> impl IntoView {
    load(async {
        let actor = ctx::actor().await?;
        let given = |name| Some(ctx::query(name)).filter(|v| !v.is_empty());
        let back = backend::oauth::ConnectBack {
            code: given("code"),
            state: ctx::query("state"),
            error: given("error"),
            error_description: given("error_description"),
        };
        let notice = match ctx::services()?.finish_connect(&actor, back).await {
            Ok(end) if end.connected => Notice::good(end.says),
            Ok(end) => Notice::bad(end.says),
            Err(e) => Notice::bad(crate::words::error_message(&AppError::from(e))),
        };
        flash::put_notice(&notice).await?;
        Ok(go_on(routes::PROFILE))
    })
}
