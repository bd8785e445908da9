//! What must not get out: the password, and what pages repeat of a person.

use std::io;
use std::sync::{Arc, Mutex};

use qlik::PasswordLoginError;
use tracing_subscriber::fmt::MakeWriter;

use crate::site::{EMAIL, PASSWORD, SHAPES, Shape, holds_password, works};
use crate::stage::{Asked, Reply, Stage};

/// All that is logged, at every level and by every library.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn start() -> Self {
        let log = Self::default();
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(log.clone())
            .with_ansi(false)
            .init();
        log
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// The password as it is and in each form that it travels in.
fn password_in(text: &str) -> bool {
    let encoded: String = url::form_urlencoded::byte_serialize(PASSWORD.as_bytes()).collect();
    let json = serde_json::to_string(PASSWORD).unwrap();
    [PASSWORD, encoded.as_str(), json.trim_matches('"'), "Tr0ub", &format!("{PASSWORD:?}")]
        .iter()
        .any(|form| text.contains(form))
}

#[tokio::test]
async fn neither_log_nor_error_holds_the_password_or_what_a_page_repeats() {
    let log = Log::start();
    let mut all = Vec::new();
    for shape in SHAPES {
        let stage = Stage::new(works(shape)).await;
        let session = stage.sign_in().await.unwrap();
        all.push(format!("{session:?}"));
        // A host that repeats all that it was sent, wherever it can.
        for status in [200, 401, 403, 429, 500] {
            for json in [false, true] {
                let stage = Stage::new(move |asked: &Asked| {
                    if !holds_password(asked) {
                        return works(shape)(asked);
                    }
                    let canary = format!("CANARY {EMAIL} {PASSWORD}");
                    let plain = "CANARY-ada";
                    let reply = if json {
                        Reply::json(status, &serde_json::json!({"code": canary, "error": plain, "description": canary,
                            "errors": [{"code": canary, "title": canary, "detail": canary}], "traceId": plain}))
                    } else {
                        let safe = canary.replace('&', "&amp;").replace('"', "&quot;");
                        Reply::html(format!(
                            "<title>{safe}</title><p class=\"{safe}\">{safe}<form action=\"/{safe}\"><input name=\"{safe}\" value=\"{safe}\">
                            <input name=\"canary\" type=\"CANARY\" placeholder=\"{safe}\"></form>"
                        ))
                        .status(status)
                    };
                    reply.and("x-canary", plain).and("content-language", plain)
                })
                .await;
                let error = stage.sign_in().await.unwrap_err();
                all.push(format!("{error} {error:?}\n"));
                if let PasswordLoginError::Transport { error, .. } = &error {
                    all.push(format!("{:?} {:?} {:?}", error.code(), error.title(), error.detail()));
                }
            }
        }
        let stage = Stage::new(
            move |asked: &Asked| if holds_password(asked) { Reply::Cut } else { works(shape)(asked) },
        )
        .await;
        all.push(format!("{:?}\n", stage.sign_in().await.unwrap_err()));
    }
    let (logged, shown) = (log.text(), all.join("\n"));
    assert!(logged.contains("login with a Qlik account") && logged.contains("TRACE"), "the log is not empty");
    for (name, text) in [("log", &logged), ("errors", &shown)] {
        assert!(!password_in(text), "the password is in the {name}");
        let at = text.find("CANARY").or_else(|| text.find("ada@")).map(|at| &text[at.saturating_sub(200)..]);
        assert!(at.is_none(), "{name}: {:.400}", at.unwrap_or_default());
    }
}

#[tokio::test]
async fn a_password_goes_to_the_login_host_alone_and_only_in_a_body() {
    for shape in SHAPES {
        let stage = Stage::new(works(shape)).await;
        stage.sign_in().await.unwrap();
        for asked in stage.log() {
            let rest = format!("{} {} {:?}", asked.path, asked.query, asked.headers);
            assert!(!password_in(&rest), "{shape:?} {}", asked.line());
            assert!(
                asked.host == "login.qlik.com" || !password_in(&asked.body),
                "{shape:?} {}",
                asked.line()
            );
        }
    }
}

#[tokio::test]
async fn cookies_of_one_host_are_never_sent_to_another() {
    let stage = Stage::new(works(Shape::Form)).await;
    stage.sign_in().await.unwrap();
    for asked in stage.log() {
        let cookies = asked.header("cookie");
        assert_eq!(
            cookies.contains("did="),
            asked.host == "login.qlik.com" && asked.path != "/authorize",
            "{}",
            asked.line()
        );
        assert_eq!(
            cookies.contains("eas."),
            asked.host != "login.qlik.com" && asked.path != "/login",
            "{}",
            asked.line()
        );
    }
}
