//! A tenant and a login host that work, in several shapes, so that a test changes
//! only what it is about.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use qlik::{AccountPassword, PasswordLogin, PasswordLoginError, QlikSession};
use serde_json::{Value, json};

use crate::stage::{Asked, LOGIN, PERMANENT, Reply, Stage, TENANT};

pub const EMAIL: &str = "ada@acme.example";
/// Has what forms and JSON have to write otherwise.
pub const PASSWORD: &str = "Tr0ub&dor=3 \"ü\\%+é";
pub const RETURN: &str = "https://portal.example/qlik/back?x=1";
pub const ORIGIN: &str = "https://portal.example";
pub const WEB: &str = "web-1";

/// How the login host builds its pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One form, redirects back.
    Form,
    /// Settings in base64 in a script, a form that sends itself back.
    Classic,
    /// Settings as an object, other names, the page's query has the rest.
    ClassicObject,
    /// E-mail first, then the password with parts, and a form to the tenant itself.
    Steps,
    /// A form with nothing said, fields outside of it, and a callback asked for with
    /// GET by a form for browsers without scripts.
    Odd,
}

pub const SHAPES: [Shape; 5] = [Shape::Form, Shape::Classic, Shape::ClassicObject, Shape::Steps, Shape::Odd];

/// Whether this is the request that holds the password.
pub fn holds_password(asked: &Asked) -> bool {
    let all = format!("{} {} {:?}", asked.query, asked.body, asked.headers);
    [PASSWORD.to_owned(), serde_json::to_string(PASSWORD).unwrap().trim_matches('"').to_owned()]
        .iter()
        .any(|text| all.contains(text))
        || serde_json::from_str::<Value>(&asked.body).is_ok_and(|json| json["password"].is_string())
        || asked.body.contains("name=\"password\"")
        || asked.field("password").is_some_and(|p| !p.is_empty())
        || asked.field("pw").is_some_and(|p| !p.is_empty())
}

pub fn works(shape: Shape) -> impl Fn(&Asked) -> Reply + Send + Sync + Copy + 'static {
    move |asked| match asked.host.as_str() {
        TENANT | PERMANENT => tenant(asked),
        LOGIN => login(shape, asked),
        other => panic!("nobody may ask {other}"),
    }
}

fn tenant(asked: &Asked) -> Reply {
    match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/login") => {
            assert_eq!(asked.field("returnto").as_deref(), Some(RETURN));
            assert_eq!(asked.field("qlik-web-integration-id").as_deref(), Some(WEB));
            assert_eq!((asked.header("qlik-web-integration-id"), asked.header("origin")), (WEB, ORIGIN));
            Reply::to(format!("https://{LOGIN}/authorize?client_id=c1&state=t1&scope=openid%20email"))
                .cookie("eas.state=t1; Path=/; Secure; HttpOnly")
        }
        (_, "/login/callback") => {
            assert_eq!(asked.header("cookie"), "eas.state=t1");
            let is_good = asked.field("code").as_deref() == Some("good")
                && asked.field("state").as_deref() == Some("t1");
            if !is_good {
                return Reply::json(401, &json!({"errors":[{"code":"LOGIN-1","title":"no"}]}));
            }
            Reply::to(RETURN)
                .cookie("eas.sid=session; Path=/; Secure; HttpOnly")
                .cookie("_csrfToken=c; Path=/")
        }
        ("GET", "/api/v1/csrf-token") => Reply::with(204, "").and("qlik-csrf-token", "csrf-1"),
        ("GET", "/api/v1/users/me") => {
            assert!(asked.header("cookie").contains("eas.sid=session"), "{}", asked.header("cookie"));
            Reply::json(200, &json!({"id":"u1","name":"Ada","email":"Ada@ACME.example","status":"active"}))
        }
        ("GET", "/logout") => Reply::to(format!("https://{LOGIN}/logout")),
        _ => panic!("{}", asked.line()),
    }
}

/// What Auth0 puts into the script of its classic page.
pub fn settings() -> Value {
    json!({
        "auth0Domain": "qlik.auth0.example", "auth0Tenant": "qlik", "clientID": "c1",
        "callbackURL": format!("https://{TENANT}/login/callback"), "callbackOnLocationHash": false,
        "dict": {"signin": {"title": "{\"state\":"}}, "colors": {"primary": "#fff"},
        "extraParams": {"protocol": "oauth2", "response_type": "code", "scope": "openid email", "state": "l1",
            "nonce": "n1", "_csrf": "k1", "_intstate": "deprecated", "login_hint": null},
        "internalOptions": {"protocol": "oauth2", "state": "l1", "_csrf": "k1", "code_challenge": "cc1"},
    })
}

pub fn login_page(shape: Shape) -> String {
    let head = "<!doctype html><html><head><title>Log in</title></head><body><p>Welcome";
    match shape {
        Shape::Form => format!(
            r#"{head}<form action="https://social.example/x" method=post><button>With others</button></form>
            <form method="POST" action="/u/login?state=l1"><input type="hidden" name="state" value="l1&amp;2">
            <label>E-mail <input name="username" type="text" autocomplete="username email"></label>
            <input name="password" type="password" autocomplete="current-password"><a href="/reset">Forgot?</a>
            <button type="button" name="show">Show</button><button type="submit" name="action" value="default">Go</button></form>"#
        ),
        Shape::Classic => format!(
            "{head}<script>var config = JSON.parse(decodeURIComponent(escape(window.atob('{}'))));
            new Auth0Lock(config.clientID, \"</form>\").show();</script>",
            STANDARD.encode(settings().to_string())
        ),
        Shape::ClassicObject => {
            let mut settings = settings();
            for part in ["extraParams", "internalOptions"] {
                settings[part].as_object_mut().unwrap().remove("state");
            }
            format!(
                "{head}<div id=root></div><script>var a = {{b: 1}};\n  window.config = {settings};\nrun(window.config)</script>"
            )
        }
        Shape::Steps => format!(
            "{head}<form method=post><input type=hidden name=state value=l1>
            <input inputmode=email name=identifier required><button type=submit>Next</button></form>"
        ),
        Shape::Odd => format!(
            r#"<base href="https://{LOGIN}/assets/">{head}<template><form method=post action="/trap"><input type=password name=pw></form></template>
            <form id=f METHOD=Post action="../odd/check"><input type=password name=pw><input name=website tabindex=-1 style="left:-999px">
            <select name=lang><option value=de><option value=en selected></select><input type=checkbox name=stay></form>
            <input form=f type=hidden value=l1 name=token><input form=f name=mail type=email><button form=f>Go</button>"#
        ),
    }
}

fn login(shape: Shape, asked: &Asked) -> Reply {
    let good = |email: Option<String>, password: Option<String>| {
        email.as_deref() == Some(EMAIL) && password.as_deref() == Some(PASSWORD)
    };
    match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/authorize") => {
            Reply::to("/login?state=l1&client=c1&protocol=oauth2").cookie("did=d1; Path=/; Secure")
        }
        _ if asked.header("cookie") != "did=d1" => panic!("{} without its cookie", asked.line()),
        ("GET", "/login") => Reply::html(login_page(shape)),
        ("POST", "/u/login") => {
            assert_eq!(asked.field("state").as_deref(), Some("l1&2"));
            assert_eq!((asked.field("action").as_deref(), asked.field("show")), (Some("default"), None));
            assert_eq!(asked.header("origin"), format!("https://{LOGIN}"));
            if !good(asked.field("username"), asked.field("password")) {
                let page = login_page(shape).replace(
                    "<form method=\"POST\"",
                    "<span class='input-error-message'>No.</span><form method=\"POST\"",
                );
                return Reply::html(page).status(400);
            }
            Reply::to("/authorize/resume?state=l1")
        }
        ("GET", "/authorize/resume") => {
            Reply::to(format!("https://{TENANT}/login/callback?code=good&state=t1"))
        }
        ("POST", "/usernamepassword/login") => {
            let sent: Value = serde_json::from_str(&asked.body).unwrap();
            for (name, value) in [
                ("client_id", "c1"),
                ("tenant", "qlik"),
                ("connection", "Username-Password-Authentication"),
                ("state", "l1"),
                ("nonce", "n1"),
                ("_csrf", "k1"),
                ("_intstate", "deprecated"),
                ("protocol", "oauth2"),
                ("response_type", "code"),
                ("scope", "openid email"),
                ("code_challenge", "cc1"),
            ] {
                assert_eq!(sent[name], value, "{name}");
            }
            assert_eq!(sent["redirect_uri"], format!("https://{TENANT}/login/callback"));
            if sent["username"] != EMAIL || sent["password"] != PASSWORD {
                return Reply::json(
                    401,
                    &json!({"name":"ValidationError","code":"invalid_user_password",
                    "description":format!("Wrong: {EMAIL}"),"statusCode":400}),
                );
            }
            Reply::html(format!(
                r#"<form method="post" name="hiddenform" action="https://{LOGIN}/login/callback"><input type="hidden" name="wa" value="wsignin1.0">
                <input type="hidden" name="wresult" value="eyJ.a&amp;b"><input type="hidden" name="wctx" value="{{&#34;x&#34;:1}}">
                <noscript><p>Script is disabled.</p><input type="submit" value="Submit"></noscript></form>"#
            ))
        }
        ("POST", "/login/callback") => {
            assert_eq!(asked.field("wresult").as_deref(), Some("eyJ.a&b"));
            assert_eq!(asked.field("wctx").as_deref(), Some("{\"x\":1}"));
            Reply::to(format!("https://{TENANT}/login/callback?code=good&state=t1")).status(303)
        }
        ("POST", "/login") => {
            assert_eq!(
                (asked.field("identifier").as_deref(), asked.field("state").as_deref()),
                (Some(EMAIL), Some("l1"))
            );
            Reply::to("/u/login/password?state=l1")
        }
        ("GET", "/u/login/password") => Reply::html(format!(
            r#"<form method=post enctype="multipart/form-data"><input name=username readonly value="{EMAIL}"><input type=hidden name=state value=l2>
            <input type=password name=password></form>"#
        )),
        ("POST", "/u/login/password") => {
            let parts = format!("name=\"password\"\r\n\r\n{PASSWORD}\r\n");
            if !asked.body.contains(&parts) {
                return Reply::html(
                    "<form method=post><div role=alert>Nein.</div><input name=username readonly value=x><input type=password name=password></form>",
                );
            }
            assert!(asked.body.contains(&format!("name=\"username\"\r\n\r\n{EMAIL}\r\n")), "{}", asked.body);
            Reply::html(format!(
                r#"<body onload="document.forms[0].submit()"><form method=post action="https://{TENANT}/login/callback"><input type=hidden name=state value=t1>
                <input type=hidden name=iss value="x"><input type=hidden name=code value=good></form>"#
            ))
        }
        ("POST", "/odd/check") => {
            assert_eq!(
                (asked.field("token").as_deref(), asked.field("website").as_deref()),
                (Some("l1"), Some(""))
            );
            assert_eq!((asked.field("lang").as_deref(), asked.field("stay")), (Some("en"), None));
            if !good(asked.field("mail"), asked.field("pw")) {
                return Reply::html(login_page(shape).replace("Welcome", "Welcome</p><p>Das war nichts."));
            }
            Reply::html(format!(
                r#"<noscript><form action="https://{TENANT}/login/callback"><input type=hidden name=code value=good><input type=hidden name=state value=t1><input type=submit></form></noscript>"#
            ))
        }
        _ => panic!("{}", asked.line()),
    }
}

impl Stage {
    pub async fn sign_in(&self) -> Result<QlikSession, PasswordLoginError> {
        self.sign_in_as(EMAIL, PASSWORD).await
    }

    pub async fn sign_in_as(&self, email: &str, password: &str) -> Result<QlikSession, PasswordLoginError> {
        let (host, permanent) = (Self::host(), PERMANENT.parse().unwrap());
        let login = PasswordLogin {
            host: &host,
            permanent_host: Some(&permanent),
            email,
            password: &AccountPassword::new(password),
            web_integration_id: Some(WEB),
            origin: Some(ORIGIN),
            return_to: RETURN,
        };
        self.qlik.login_with_password(login).await
    }

    /// How often the password was seen.
    pub fn tries(&self) -> usize {
        self.log().iter().filter(|asked| holds_password(asked)).count()
    }
}
