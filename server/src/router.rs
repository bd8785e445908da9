//! Routes and layers, all in one place and in order.

use std::{sync::Arc, time::Duration};

use app::{
    App, routes,
    shell::{set_headers, shell},
    ssr::auth::{Backend, DATA_KEY},
};
use axum::{
    Router,
    extract::{FromRef, Request},
    http::{HeaderName, StatusCode, header},
    middleware::{from_fn, from_fn_with_state},
    routing::{any, get},
};
use axum_login::AuthManagerLayerBuilder;
use backend::Services;
use leptos::{config::LeptosOptions, context::provide_context};
use leptos_axum::{LeptosRoutes as _, generate_route_list};
use tokio_util::sync::CancellationToken;
use tower_http::{
    catch_panic::CatchPanicLayer,
    limit::RequestBodyLimitLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    sensitive_headers::SetSensitiveRequestHeadersLayer,
    services::ServeDir,
    timeout::TimeoutLayer,
    trace::TraceLayer,
};
use tower_sessions::{Expiry, SessionManagerLayer, cookie::SameSite};

use crate::{
    config::Config,
    files, health,
    layers::{Origins, Sessions, client_ip, functions, headers, on_panic, same_origin, storage},
    metrics::{self, Metrics},
    session_store::{SESSION, Store},
    stream::{self, Live},
    support::{self, Support},
};

/// The settings form is the largest; a certificate would fit ten times.
const BODY: usize = 64 * 1024;
/// A save makes ten checks, each of which may take as long as Qlik's client waits.
const TIME: Duration = Duration::from_mins(3);

#[derive(Clone, FromRef)]
struct AppState {
    options: LeptosOptions,
    services: Services,
    metrics: Metrics,
    live: Live,
    support: Support,
}

/// What the log says of a request. Without the query: a one-time link's token is in it.
fn span(request: &Request) -> tracing::Span {
    tracing::debug_span!("request", method = %request.method(), path = request.uri().path())
}

/// The whole application.
pub(crate) fn router(config: &Config, services: &Services, stop: &CancellationToken) -> Router {
    let options = LeptosOptions::builder()
        .output_name("qonduit")
        .site_root(config.site_root.to_string_lossy().into_owned())
        .site_pkg_dir("pkg")
        .site_addr(config.listen)
        .build();
    let state = AppState {
        options: options.clone(),
        services: services.clone(),
        metrics: Metrics::new(),
        live: Live { services: services.clone(), stop: stop.clone() },
        support: Support { services: services.clone(), operator: Arc::new(support::operator(config)) },
    };
    let numbers = state.metrics.clone();
    let context = {
        let services = services.clone();
        move || {
            provide_context(services.clone());
            set_headers();
        }
    };
    let plain = config.is_plain();
    // `__Host-`: never sent over plain HTTP, never to another host, never set by one.
    let cookie = if plain { "qonduit" } else { "__Host-qonduit" };
    let sessions = SessionManagerLayer::new(Store(services.clone()))
        .with_name(cookie)
        .with_secure(!plain)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
        .with_expiry(Expiry::OnInactivity(SESSION));
    let auth =
        AuthManagerLayerBuilder::new(Backend(services.clone()), sessions).with_data_key(DATA_KEY).build();
    let around = Sessions { services: services.clone(), cookie };

    // Files beside the pages. Leptos' own handler gives a file the context of whichever page its thread is
    // rendering, and takes that page's headers away.
    let missing = leptos_axum::render_app_async_with_context(context.clone(), {
        let options = options.clone();
        move || shell(options.clone())
    });
    let files = ServeDir::new(&config.site_root)
        .append_index_html_on_directories(false)
        .precompressed_br()
        .precompressed_gzip();

    // What needs a session: pages, server functions, the stream.
    let pages = Router::new()
        .route(routes::SUPPORT, get(support::bundle))
        .route(routes::STATUS_STREAM, get(stream::status))
        .route(routes::CHANGE_STREAM, get(stream::change))
        .route(routes::MATCHING_STREAM, get(stream::matching))
        .route(routes::MATCHING_CSV, get(files::matching))
        .leptos_routes_with_context(&state, generate_route_list(App), context.clone(), {
            let options = options.clone();
            move || shell(options.clone())
        })
        .fallback_service(files.fallback(any(missing)))
        .layer(auth)
        .layer(from_fn(functions))
        .layer(from_fn_with_state(around, storage))
        .layer(from_fn_with_state(Origins::new(&config.public_url), same_origin))
        .layer(from_fn_with_state(config.trusted_proxy, client_ip));

    let assets = ServeDir::new(config.site_root.join("pkg")).precompressed_br().precompressed_gzip();
    let id = HeaderName::from_static("x-request-id");
    let secret = Arc::from([header::COOKIE, header::AUTHORIZATION]);
    Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::metrics))
        .nest_service("/pkg", assets)
        .merge(pages)
        .with_state(state)
        .layer(from_fn_with_state(numbers, metrics::measure))
        .layer(RequestBodyLimitLayer::new(BODY))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, TIME))
        .layer(CatchPanicLayer::custom(on_panic))
        .layer(from_fn_with_state(plain, headers))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_failure(()))
        .layer(PropagateRequestIdLayer::new(id.clone()))
        .layer(SetRequestIdLayer::new(id, MakeRequestUuid))
        .layer(SetSensitiveRequestHeadersLayer::from_shared(secret))
}

#[cfg(test)]
#[path = "router_tests/mod.rs"]
mod tests;
