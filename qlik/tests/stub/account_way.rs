//! Finding out how a tenant signs people in.

use qlik::{Error, ErrorKind, SignIn, SignInWay};
use serde_json::json;

use crate::site::{ORIGIN, RETURN, SHAPES, WEB, works};
use crate::stage::{Asked, CORPORATE, LOGIN, Reply, Stage, TENANT};

impl Stage {
    async fn way(&self) -> Result<SignInWay, Error> {
        let host = Self::host();
        let sign_in = SignIn {
            host: &host,
            permanent_host: None,
            web_integration_id: Some(WEB),
            origin: Some(ORIGIN),
            return_to: RETURN,
        };
        self.qlik.sign_in_way(sign_in).await
    }
}

async fn answered(reply: Reply) -> (Stage, Result<SignInWay, Error>) {
    let stage = Stage::new(move |asked: &Asked| {
        assert_eq!((asked.host.as_str(), asked.path.as_str()), (TENANT, "/login"), "nothing else is asked");
        reply.clone()
    })
    .await;
    let way = stage.way().await;
    (stage, way)
}

#[tokio::test]
async fn qlik_accounts_are_known_by_the_login_host_which_is_not_asked() {
    for shape in SHAPES {
        let stage = Stage::new(works(shape)).await;
        assert_eq!(stage.way().await.unwrap(), SignInWay::QlikAccount { host: LOGIN.into() });
        assert_eq!(stage.lines(), ["GET acme.eu.qlikcloud.com/login"]);
    }
    let form =
        format!("<form action=https://{LOGIN}/samlp/x><input type=hidden name=SAMLRequest value=1></form>");
    let (_stage, way) = answered(Reply::html(form)).await;
    assert_eq!(way.unwrap(), SignInWay::QlikAccount { host: LOGIN.into() });
}

#[tokio::test]
async fn any_other_host_is_the_organisations() {
    let form = format!(
        "<form method=post action=https://{CORPORATE}/saml><input type=hidden name=SAMLRequest value=1></form>"
    );
    for reply in [
        Reply::to(format!("https://{CORPORATE}/adfs/ls?x=1")),
        Reply::html(form),
        Reply::html(format!("<meta http-equiv=refresh content='0; url=https://{CORPORATE}/'>")),
    ] {
        let (_stage, way) = answered(reply).await;
        assert_eq!(way.unwrap(), SignInWay::Corporate { host: CORPORATE.into() });
    }
}

#[tokio::test]
async fn what_is_not_known_is_told_by_its_shape() {
    for (reply, shown) in [
        (
            Reply::html("<form method=post><input name=user><input type=password name=pw></form>"),
            "acme.eu.qlikcloud.com/login 200 text/html form post(user: text, pw: password)",
        ),
        // Qlik's own, though no tenant and no login host.
        (
            Reply::to("https://www.qlik.com/maintenance"),
            "acme.eu.qlikcloud.com/login 302 leads to www.qlik.com",
        ),
        // Where the login would end is nobody's who may be the tenant.
        (
            Reply::to(format!(
                "https://{LOGIN}/authorize?redirect_uri=https%3A%2F%2Fevil.example%2Fcallback"
            )),
            "acme.eu.qlikcloud.com/login 302 leads to evil.example",
        ),
        (Reply::to(RETURN), "acme.eu.qlikcloud.com/login 302 leads to portal.example"),
        (Reply::to("http://login.qlik.com/"), "acme.eu.qlikcloud.com/login 302 leads to login.qlik.com"),
    ] {
        let (_stage, way) = answered(reply).await;
        let SignInWay::Other { shape } = way.unwrap() else { panic!("{shown}") };
        assert_eq!(shape.to_string(), shown);
    }
}

#[tokio::test]
async fn the_tenants_refusal_is_an_error_with_its_code() {
    let body = json!({"errors":[{"code":"LOGIN-8","title":"Illegal returnto value"}]});
    let (_stage, way) = answered(Reply::json(401, &body)).await;
    let error = way.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unauthorized, Some("LOGIN-8")));
    let (_stage, way) = answered(Reply::with(429, "").and("retry-after", "13")).await;
    let error = way.unwrap_err();
    assert_eq!((error.kind(), error.retry_after().map(|w| w.as_secs())), (ErrorKind::RateLimited, Some(13)));
}
