//! The pages and server functions over a fresh database, and visitors with a
//! cookie of their own. No network: requests go straight into the router.

pub(crate) mod markup;

use std::net::Ipv4Addr;

use app::{
    App,
    shell::{self, shell},
    ssr::{auth::Backend, ctx::ClientIp},
};
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
    response::Response,
    routing::post,
};
use axum_login::AuthManagerLayerBuilder;
use backend::{
    Services,
    testing::{FakeClock, QlikAt, TestServices},
};
use http_body_util::BodyExt;
use leptos::{config::LeptosOptions, context::provide_context};
use leptos_axum::{LeptosRoutes, generate_route_list, handle_server_fns_with_context};
use markup::Page;
use tower::ServiceExt;
use tower_sessions::{MemoryStore, SessionManagerLayer};

/// The product without its server.
pub(crate) struct House {
    pub(crate) services: TestServices,
    router: Router,
}

impl House {
    /// Nothing is set up yet.
    pub(crate) async fn new() -> Self {
        Self::at(QlikAt::default()).await
    }

    /// The same, with a Qlik to reach.
    pub(crate) async fn at(qlik: QlikAt) -> Self {
        let clock = FakeClock::new("2026-11-25T14:00:00Z".parse().unwrap());
        let services = backend::testing::services_at(clock, qlik).await.unwrap();
        let router = router(services.services.clone());
        Self { services, router }
    }

    /// With a portal, and its owner signed in.
    pub(crate) async fn with_owner() -> (Self, Visitor) {
        Self::with_owner_at(QlikAt::default()).await
    }

    /// The same, with a Qlik to reach.
    pub(crate) async fn with_owner_at(qlik: QlikAt) -> (Self, Visitor) {
        let house = Self::at(qlik).await;
        house.services.administrator().await.unwrap();
        let mut ada = house.visitor();
        let answer = ada.sign_in("ada@acme.example", "correct horse battery").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        (house, ada)
    }

    /// The portal's id.
    pub(crate) async fn portal_id(&self) -> String {
        self.portal().await.id
    }

    /// What Qlik has to know of the portal.
    pub(crate) async fn identity(&self) -> backend::identity::IdentityView {
        self.services.identity(&self.portal().await).await.unwrap()
    }

    async fn portal(&self) -> backend::Portal {
        self.services.portal_by_host("acme.portal.example").await.unwrap().unwrap()
    }

    /// Somebody with a browser that was never here.
    pub(crate) fn visitor(&self) -> Visitor {
        Visitor {
            router: self.router.clone(),
            cookie: None,
            device: None,
            host: "acme.portal.example".to_owned(),
        }
    }
}

fn router(services: Services) -> Router {
    let options = LeptosOptions::builder().output_name("qonduit").build();
    let provide = {
        let services = services.clone();
        move || {
            provide_context(services.clone());
            shell::set_headers();
        }
    };
    let functions = provide.clone();
    let sessions = SessionManagerLayer::new(MemoryStore::default());
    let page = {
        let options = options.clone();
        move || shell(options.clone())
    };
    let lost = leptos_axum::render_app_async_with_context(provide.clone(), page.clone());
    Router::new()
        .route(
            "/api/{*name}",
            post(move |request| handle_server_fns_with_context(functions.clone(), request)),
        )
        .leptos_routes_with_context(&options, generate_route_list(App), provide, page)
        .fallback(move |request: Request<Body>| lost(request))
        .layer(AuthManagerLayerBuilder::new(Backend(services), sessions).build())
        .with_state(options)
}

/// A browser without script.
#[derive(Clone)]
pub(crate) struct Visitor {
    router: Router,
    pub(crate) cookie: Option<String>,
    pub(crate) device: Option<String>,
    pub(crate) host: String,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// Where it sends the visitor.
    pub(crate) fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |v| v.to_str().unwrap())
    }

    /// Its elements.
    pub(crate) fn page(&self) -> Page {
        Page::parse(&self.text)
    }
}

impl Visitor {
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, "text/html", Body::empty()).await
    }

    /// Goes there and on, as often as it is sent on.
    pub(crate) async fn visit(&mut self, path: &str) -> Answer {
        let mut answer = self.get(path).await;
        for _ in 0..5 {
            if !answer.status.is_redirection() {
                return answer;
            }
            let on = answer.location().to_owned();
            answer = self.get(&on).await;
        }
        panic!("{path} sends its visitors in circles");
    }

    /// Posts a form as a browser does.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(Method::POST, path, "text/html,application/xhtml+xml", encoded(fields)).await
    }

    /// Posts a form and looks at the page that follows.
    pub(crate) async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let answer = self.post(path, fields).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        self.visit(answer.location()).await
    }

    /// Posts a form as a script does.
    pub(crate) async fn call(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(Method::POST, path, "application/json", encoded(fields)).await
    }

    pub(crate) async fn sign_in(&mut self, email: &str, password: &str) -> Answer {
        self.post("/api/people/sign-in", &[("email", email), ("password", password)]).await
    }

    async fn send(&mut self, method: Method, path: &str, accept: &str, body: Body) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.host)
            .header(header::ACCEPT, accept)
            .header(header::REFERER, "https://elsewhere.example/form")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        for cookie in [&self.cookie, &self.device].into_iter().flatten() {
            request = request.header(header::COOKIE, cookie);
        }
        let request = request.extension(ClientIp(Ipv4Addr::new(192, 0, 2, 7).into()));
        let response: Response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
            if pair.starts_with("__Host-qonduit-device=") {
                self.device = Some(pair);
            } else {
                self.cookie = Some(pair).filter(|p| !p.ends_with('='));
            }
        }
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }
}

fn encoded(fields: &[(&str, &str)]) -> Body {
    let pairs: Vec<String> = fields.iter().map(|(k, v)| format!("{k}={}", app::routes::encode(v))).collect();
    Body::from(pairs.join("&"))
}
