//! The document around every page: head, security policy, skip link, icons.

use http::{HeaderValue, header};
use leptos::{config::LeptosOptions, context::use_context, nonce::use_nonce, prelude::*};
use leptos_axum::ResponseOptions;
use leptos_meta::{HashedStylesheet, MetaTags};

use crate::{routes::App, ui::icons::SPRITE};

/// Runs before anything is drawn, so that the page does not flash: marks that
/// there is a script, and applies the theme that was chosen.
const BEFORE_DRAWING: &str = "(function(d){d.dataset.js='';try{var t=localStorage.getItem('theme');\
    if(t==='light'||t==='dark')d.dataset.theme=t}catch(e){}})(document.documentElement)";

/// What a page may load and do: its own script by nonce, its own style, image
/// and requests, and to be framed by nobody.
fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}

/// The whole document.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let nonce = use_nonce();
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <script nonce=nonce inner_html=BEFORE_DRAWING></script>
                <HashedStylesheet options=options.clone() id="style"/>
                <link rel="icon" type="image/svg+xml" href="/favicon.svg"/>
                <HydrationScripts options=options islands=true/>
                <MetaTags/>
            </head>
            <body>
                <a class="skip" href="#main">"Skip to the content"</a>
                <App/>
                <div hidden=true inner_html=SPRITE></div>
            </body>
        </html>
    }
}

/// Sets the headers that every page needs: its policy, for its scripts' nonce,
/// and that nobody may keep it, for it holds one person's data. The server calls
/// this where it provides the context of a request, before anything is rendered.
pub fn set_headers() {
    let (Some(response), Some(nonce)) = (use_context::<ResponseOptions>(), use_nonce()) else { return };
    response.insert_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(policy) = HeaderValue::from_str(&policy(&nonce)) {
        response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_allows_no_inline_style_and_no_framing() {
        let policy = policy("abc");
        assert!(policy.contains("'nonce-abc'") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe-inline"));
    }
}
