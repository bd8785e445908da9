//! The support bundle as a download, for administrators.

use std::sync::Arc;

use app::{
    routes,
    ssr::{auth::AuthSession, denied},
};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use backend::{Error, Services, support::Operator};
use tracing_subscriber::EnvFilter;

use crate::config::Config;

#[derive(Clone)]
pub(crate) struct Support {
    pub(crate) services: Services,
    pub(crate) operator: Arc<Operator>,
}

/// What the operator set, as far as it may leave the server.
pub(crate) fn operator(config: &Config) -> Operator {
    Operator {
        listen: config.listen,
        public_origin: config.public_url.origin().ascii_serialization(),
        qlik_resolve: !config.qlik_resolve.is_empty(),
        qlik_ca: config.qlik_ca.is_some(),
        qlik_extra_hosts: config.host_policy.extra.clone(),
        notice_hosts: config.notice_hosts.clone(),
        renewal_grace_s: config.renewal_grace,
        trusted_proxy: config.trusted_proxy,
        // The level alone: a filter can hold any text.
        log_level: EnvFilter::try_new(&config.log)
            .ok()
            .and_then(|filter| filter.max_level_hint())
            .map(|level| level.to_string()),
    }
}

/// The bundle of the portal that was asked, as a file. A browser that is not
/// signed in is sent to sign in and then to the page with the download.
pub(crate) async fn bundle(
    State(support): State<Support>,
    headers: HeaderMap,
    auth: AuthSession,
) -> Response {
    let header = |name| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let signed_in = match auth.user.map(app::ssr::auth::SessionUser::into_actor) {
        // A session of one portal is nothing at another portal of the same server.
        Some(actor) => match support.services.portal_by_host(header(header::HOST)).await {
            Ok(here) => here.filter(|p| p.id == actor.portal.id).map(|_| actor),
            Err(e) => return failed(&e),
        },
        None => None,
    };
    let Some(actor) = signed_in else {
        return if header(header::ACCEPT).contains("text/html") {
            Redirect::to(&routes::login(routes::SETTINGS)).into_response()
        } else {
            StatusCode::UNAUTHORIZED.into_response()
        };
    };
    let made = support.services.support_bundle(&actor, Operator::clone(&support.operator)).await;
    let file = match made {
        Ok(file) => file,
        Err(Error::NotAllowed) => {
            denied::line(Some(&actor.user_id), "GET", routes::SUPPORT);
            return (StatusCode::FORBIDDEN, "Only administrators can download the support bundle.\n")
                .into_response();
        }
        Err(e) => return failed(&e),
    };
    tracing::info!(portal.id = %actor.portal.id, user.id = %actor.user_id, "a support bundle was downloaded");
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{}\"", file.file_name))
        .unwrap_or(HeaderValue::from_static("attachment"));
    (
        [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::CONTENT_DISPOSITION, disposition),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ],
        file.json,
    )
        .into_response()
}

fn failed(e: &Error) -> Response {
    tracing::error!(error = %e, "the support bundle can't be made");
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        "The support bundle can't be made. The operator's log says why, at this time.\n",
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::config::Flags;

    #[test]
    fn no_path_and_no_free_text_of_the_configuration_is_in_the_bundle() {
        let dir = tempfile::tempdir().unwrap();
        let ca = dir.path().join("canary-ca");
        std::fs::write(&ca, "canary-pem").unwrap();
        let file = dir.path().join("canary-config");
        std::fs::write(&file, "log = 'info,canary=debug'\nsite_root = '/canary/site'\n").unwrap();
        let flags = [
            ("--config", file.to_str().unwrap()),
            ("--public-url", "https://acme.portal.example:8443"),
            ("--database-url", "sqlite:///canary/qonduit.db?key=canary"),
            ("--keyring-file", "/canary/keyring"),
            ("--qlik-ca-file", ca.to_str().unwrap()),
            ("--ready-file", "/canary/ready"),
        ];
        let flags = flags.iter().flat_map(|(name, value)| [*name, *value]);
        let config =
            Config::read(Flags::try_parse_from(["qonduit"].into_iter().chain(flags)).unwrap()).unwrap();
        let shown = serde_json::to_value(operator(&config)).unwrap();
        assert!(!shown.to_string().contains("canary"), "{shown}");
        assert_eq!(shown["public_origin"], "https://acme.portal.example:8443");
        assert_eq!((&shown["qlik_ca"], &shown["qlik_resolve"]), (&true.into(), &false.into()));
        assert_eq!(shown["log_level"], "debug");
    }
}
