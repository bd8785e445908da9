//! What every request passes before its route: log, tenant, caller, rate limit,
//! CSRF; and what every answer gets on its way out.

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use hyper::body::Incoming;
use jiff::SignedDuration;
use tower::ServiceExt as _;

use crate::auth::{self, Caller, Credential};
use crate::clock::{http_date, later};
use crate::engine;
use crate::envelope::Refusal;
use crate::faults::Effect;
use crate::ids;
use crate::log::{self, LogEntry};
use crate::login_host;
use crate::rates::Tier;
use crate::routes::{self, Site};
use crate::world::WorldHandle;

/// The virtual hosts of the one TLS listener.
#[derive(Clone)]
pub(crate) struct Routers {
    pub(crate) tenants: Router,
    /// `login.qlik.com` and its like.
    pub(crate) login: Router,
    /// Corporate identity providers.
    pub(crate) corporate: Router,
}

impl Routers {
    pub(crate) fn new(world: &WorldHandle) -> Self {
        Self {
            tenants: routes::router(world.clone()),
            login: login_host::router(world.clone()),
            corporate: login_host::corporate_router(world.clone()),
        }
    }

    /// The router of a host that is no tenant's.
    fn beside_tenants(&self, world: &WorldHandle, request: &Request<Body>) -> Option<&Router> {
        let authority = authority(request);
        let host = hostname(&authority);
        let state = world.lock();
        if state.login.is_host(host) {
            Some(&self.login)
        } else if state.is_corporate_host(host) {
            Some(&self.corporate)
        } else {
            None
        }
    }
}

/// Logs a request and draws the fault that strikes it.
pub(crate) fn receive(world: &WorldHandle, request: &Request<Incoming>) -> (u64, Option<Effect>, String) {
    let authority = authority(request);
    let host = hostname(&authority).to_owned();
    let path = request.uri().path();
    let headers = request.headers();
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let mut state = world.lock();
    let effect = state.faults.take(request.method(), &host, path);
    let entry = LogEntry {
        at: state.now(),
        method: request.method().to_string(),
        host,
        path: path.to_owned(),
        query: request.uri().query().map(log::without_tokens),
        status: None,
        handled: false,
        auth: auth::shown(headers),
        user: None,
        key: None,
        origin: text("origin"),
        web_integration_id: text("qlik-web-integration-id"),
        headers: log::present(headers),
        fault: effect.as_ref().map(|effect| format!("{effect:?}")),
        version: format!("{:?}", request.version()),
        asked: Vec::new(),
        closed: None,
    };
    (state.log.open(entry), effect, authority)
}

/// Takes a request through the rules that stand before the routes.
pub(crate) async fn pass(
    world: &WorldHandle,
    routers: &Routers,
    number: u64,
    mut request: Request<Body>,
) -> Response {
    if let Some(router) = routers.beside_tenants(world, &request) {
        return match router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
    }
    if let Some(elsewhere) = moved(world, &request) {
        return elsewhere;
    }
    match admit(world, number, &request) {
        Ok((site, caller)) => {
            let cors = cors_headers(world, &site, request.headers());
            let refresh = caller.as_ref().is_some_and(|c| matches!(c.credential, Credential::Session(_)));
            if request.method() == Method::OPTIONS {
                return with_headers(StatusCode::NO_CONTENT.into_response(), cors);
            }
            request.extensions_mut().insert(site);
            request.extensions_mut().insert(log::Number(number));
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            let mut response = match routers.tenants.clone().oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            if refresh {
                for cookie in load_balancer_cookies(world) {
                    response.headers_mut().append(header::SET_COOKIE, cookie);
                }
            }
            with_headers(response, cors)
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// Dates an answer by the sandbox's clock, off by the skew that was set, and notes
/// its status.
pub(crate) fn finish(world: &WorldHandle, number: u64, response: &mut Response) {
    let mut state = world.lock();
    let shown = later(state.now(), state.switches.date_skew);
    if let Ok(date) = HeaderValue::from_str(&http_date(shown)) {
        response.headers_mut().insert(header::DATE, date);
    }
    let status = response.status().as_u16();
    state.log.amend(number, |entry| entry.status = Some(status));
}

fn admit(
    world: &WorldHandle,
    number: u64,
    request: &Request<Body>,
) -> Result<(Site, Option<Caller>), Refusal> {
    let authority = authority(request);
    let mut state = world.lock();
    let path = request.uri().path();
    let (tenant, authority) = state
        .tenant_by_host(hostname(&authority))
        .map(|t| {
            let by_permanent = t.permanent_links && path.starts_with("/api/");
            let linked =
                if by_permanent { renamed(&authority, &t.permanent_host) } else { authority.clone() };
            (t.id.clone(), linked)
        })
        // https://community.qlik.com/t5/Official-Support-Articles/Error-When-Logging-Into-Qlik-Cloud-tenant/ta-p/1710940
        .ok_or_else(|| {
            Refusal::new(
                StatusCode::UNAUTHORIZED,
                "LOGIN-2",
                "No authentication configured for this hostname",
            )
        })?;
    let site = Site { tenant: tenant.clone(), authority };
    let now = state.now();
    let users = state.users_of(&tenant).count();
    let tier = Tier::of(request.method(), path);
    let is_engine = path.starts_with(engine::PREFIX);
    if !(path.starts_with("/api/") || is_engine) || request.method() == Method::OPTIONS {
        // Who signs in is not known yet: such calls share one allowance.
        if path == "/login/jwt-session" || path == "/oauth/token" {
            state.rates.admit(&tenant, "login", users, tier, now).map_err(Refusal::rate_limited)?;
        }
        return Ok((site, None));
    }
    let by_query = if is_engine { engine::by_access_token(&state, &tenant, request) } else { None };
    let caller = match by_query {
        Some(caller) => caller,
        None => auth::identify(&mut state, &tenant, request.headers())?,
    };
    let key = match &caller.credential {
        Credential::ApiKey(id) => Some(id.clone()),
        Credential::Session(_) | Credential::OAuth(_) => None,
    };
    let user = caller.user.clone();
    state.log.amend(number, |entry| {
        entry.user = Some(user);
        entry.key = key;
    });
    state.rates.admit(&tenant, &caller.user, users, tier, now).map_err(Refusal::rate_limited)?;
    auth::check_scope(&caller, path)?;
    if is_engine {
        engine::check_browser(&state, &tenant, &caller, request)?;
    } else {
        auth::check_csrf(&state, &caller, request.method(), request.headers())?;
    }
    Ok((site, Some(caller)))
}

/// Where a request is sent that a tenant takes under its permanent name only. It comes
/// before all else: what redirects does not know who asks.
fn moved(world: &WorldHandle, request: &Request<Body>) -> Option<Response> {
    let authority = authority(request);
    let state = world.lock();
    let tenant = state.tenant_by_host(hostname(&authority))?;
    let moved = tenant.moved.filter(|moved| moved.concerns(request.uri().path()))?;
    if hostname(&authority).eq_ignore_ascii_case(&tenant.permanent_host) {
        return None;
    }
    Some(redirect(moved.status, &renamed(&authority, &tenant.permanent_host), request.uri()))
}

/// A redirect to the same path and query under another authority.
pub(crate) fn redirect(status: u16, authority: &str, asked: &http::Uri) -> Response {
    let path = asked.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::TEMPORARY_REDIRECT);
    (status, [(header::LOCATION, format!("https://{authority}{path}"))]).into_response()
}

/// An authority with another host and the same port.
fn renamed(authority: &str, host: &str) -> String {
    authority.rsplit_once(':').map_or_else(|| host.to_owned(), |(_, port)| format!("{host}:{port}"))
}

/// The authority that a request is for: `host` or `host:port`.
fn authority<B>(request: &Request<B>) -> String {
    request
        .uri()
        .authority()
        .map(http::uri::Authority::as_str)
        .or_else(|| request.headers().get(header::HOST).and_then(|host| host.to_str().ok()))
        .unwrap_or_default()
        .to_ascii_lowercase()
}

fn hostname(authority: &str) -> &str {
    authority.rsplit_once(':').map_or(authority, |(host, _)| host)
}

/// Web integrations are Qlik Cloud's CORS mechanism: a listed origin is let in
/// with credentials, another gets no header and the browser refuses.
fn cors_headers(world: &WorldHandle, site: &Site, headers: &HeaderMap) -> Option<HeaderMap> {
    let origin = headers.get(header::ORIGIN)?;
    let text = origin.to_str().ok()?;
    let listed = {
        let state = world.lock();
        let clients = &state.oauth.clients;
        // A client's own origins may ask for its tokens and use them.
        clients.iter().any(|c| c.tenant == site.tenant && c.origins.iter().any(|o| o == text))
            || state.integrations_of(&site.tenant).any(|w| w.allows(text))
    };
    if !listed {
        return None;
    }
    let mut cors = HeaderMap::new();
    cors.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    cors.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    cors.insert(header::VARY, HeaderValue::from_static("origin"));
    cors.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("authorization, content-type, qlik-csrf-token, qlik-web-integration-id"),
    );
    cors.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE"),
    );
    cors.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("qlik-csrf-token, retry-after"),
    );
    Some(cors)
}

fn with_headers(mut response: Response, extra: Option<HeaderMap>) -> Response {
    if let Some(extra) = extra {
        response.headers_mut().extend(extra);
    }
    response
}

/// The load balancer renews its cookies with each answer. Their dates hold commas
/// and their values `+`, `/` and `=`: what a careless cookie reader trips over.
pub(crate) fn load_balancer_cookies(world: &WorldHandle) -> Vec<HeaderValue> {
    let expires = http_date(later(world.now(), SignedDuration::from_hours(24 * 7)));
    let value = STANDARD.encode(ids::bytes::<64>());
    [
        format!("AWSALB={value}; Expires={expires}; Path=/"),
        format!("AWSALBCORS={value}; Expires={expires}; Path=/; SameSite=None; Secure"),
    ]
    .iter()
    .filter_map(|line| HeaderValue::from_str(line).ok())
    .collect()
}
