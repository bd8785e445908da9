//! Numbers for Prometheus, in the `OpenMetrics` text form
//! (<https://prometheus.io/docs/specs/om/open_metrics_spec/>): what the store says of
//! all portals at the moment of the scrape, and how long this process took to answer
//! requests. No number names a portal, a person or a host.

use std::{fmt, sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use backend::{
    Services,
    gauges::{Connections, Gauges},
};
use prometheus_client::{
    encoding::{
        EncodeLabelSet,
        text::{encode_eof, encode_registry},
    },
    metrics::{family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Upper bounds in seconds: from a page out of memory to a save that waits for Qlik.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 120.0];

/// A request, as far as there are few of its kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    route: String,
    method: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfOption {
    option: &'static str,
}

/// What is counted in this process.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    answered: Family<Kind, Histogram, fn() -> Histogram>,
    registry: Arc<Registry>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(BUCKETS);
        let answered = Family::new_with_constructor(histogram);
        let mut registry = Registry::with_prefix("qonduit");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program that runs", build);
        registry.register_with_unit(
            "http_request_duration",
            "From a request to the head of its answer",
            Unit::Seconds,
            answered.clone(),
        );
        Self { answered, registry: Arc::new(registry) }
    }

    fn text(&self, gauges: &Gauges) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode_registry(&mut text, &self.registry)?;
        encode_registry(&mut text, &registered(gauges))?;
        encode_eof(&mut text)?;
        Ok(text)
    }
}

type Number = fn(&Connections) -> i64;

/// The numbers of one moment.
fn registered(gauges: &Gauges) -> Registry {
    let mut registry = Registry::with_prefix("qonduit");
    let by_option: [(_, _, Number); 4] = [
        ("connections", "Portals that are connected to Qlik", |c| c.all),
        ("connections_failing", "Connections whose last examination found a failure", |c| c.failing),
        ("renewals_failing", "Renewals that failed last and are tried again", |c| c.renewal_failing),
        ("renewals_stuck", "Renewals that wait for a person", |c| c.need_person),
    ];
    for (name, help, number) in by_option {
        let family = Family::<OfOption, Gauge>::default();
        for (option, connections) in &gauges.connections {
            family.get_or_create(&OfOption { option: option.as_str() }).set(number(connections));
        }
        registry.register(name, help, family);
    }
    let seconds = [
        ("renewal_overdue", "For how long the longest action of a renewal is due", Some(gauges.most_overdue)),
        (
            "first_key_expires_in",
            "Until the first of the API keys in use expires",
            gauges.first_key_expires_in,
        ),
        ("scheduler_age", "Since the renewal task last looked", gauges.scheduler_age),
    ];
    for (name, help, value) in seconds {
        let Some(value) = value else { continue };
        registry.register_with_unit(name, help, Unit::Seconds, gauge(value));
    }
    let plain = [
        ("notices_waiting", "Mails and webhooks that wait to be sent", gauges.notices_waiting),
        ("login_holds", "Login hosts at which users' sign-ins are held", gauges.login_holds),
    ];
    for (name, help, value) in plain {
        registry.register(name, help, gauge(value));
    }
    registry
}

fn gauge(value: i64) -> Gauge {
    let gauge: Gauge = Gauge::default();
    gauge.set(value);
    gauge
}

/// The numbers, as text.
pub(crate) async fn metrics(State(metrics): State<Metrics>, State(services): State<Services>) -> Response {
    let text = match services.gauges().await {
        Ok(gauges) => metrics.text(&gauges).map_err(|e| e.to_string()),
        Err(e) => Err(e.to_string()),
    };
    match text {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(error, "the metrics could not be written");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// Measures how long an answer takes.
pub(crate) async fn measure(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    // What is asked for beside the routes is anyone's choice, and would be a number each.
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let method = match *request.method() {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        _ => "other",
    };
    let began = Instant::now();
    let response = next.run(request).await;
    let kind = Kind { route, method, status: response.status().as_u16() };
    metrics.answered.get_or_create(&kind).observe(began.elapsed().as_secs_f64());
    response
}
