//! The offer of the support bundle: what is in it and what is not, before it is
//! downloaded.

use backend::support;
use leptos::prelude::*;

use crate::routes;

/// What is in the bundle, what is not, and the download.
pub(super) fn offer() -> AnyView {
    let list = |words: Vec<&'static str>| {
        let lines = words.into_iter().map(|w| view! { <li>{w}</li> }).collect_view();
        view! { <ul class="points">{lines}</ul> }
    };
    let holds = support::CONTENT.iter().map(|(_, words)| *words).collect();
    view! {
        <p>
            "One file tells a helper how this portal and its connection are. Look into it before you pass it on: it is \
             text."
        </p>
        <div class="in-and-out">
            <div><p class="label">"In it"</p>{list(holds)}</div>
            <div><p class="label">"Not in it"</p>{list(support::LEFT_OUT.to_vec())}</div>
        </div>
        <p class="actions"><a class="button" href=routes::SUPPORT download="">"Download support bundle"</a></p>
    }
    .into_any()
}
