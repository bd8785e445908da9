//! A login in which something breaks: the password is sent once, whatever happens.

use std::time::Duration;

use qlik::{ErrorKind, PasswordLoginError as E};

use crate::site::{SHAPES, Shape, holds_password, works};
use crate::stage::{Asked, Reply, Stage};

/// A stage on which `reply` strikes the requests that `strikes` picks.
async fn broken(
    shape: Shape,
    reply: Reply,
    strikes: impl Fn(&Asked) -> bool + Send + Sync + 'static,
) -> Stage {
    // Short only where it is waited for, so that a busy machine fails no test.
    let limit = if matches!(reply, Reply::Hang) { Duration::from_secs(1) } else { Duration::from_secs(20) };
    let change = |config: &mut qlik::QlikConfig| config.request_timeout = limit;
    Stage::with(change, move |asked: &Asked| if strikes(asked) { reply.clone() } else { works(shape)(asked) })
        .await
}

fn faults() -> Vec<(Reply, ErrorKind)> {
    vec![
        (Reply::Cut, ErrorKind::ConnectionLost),
        (Reply::Half("<form".into()), ErrorKind::BadBody),
        (Reply::Hang, ErrorKind::Timeout),
        (Reply::with(500, ""), ErrorKind::Unavailable),
        (Reply::with(502, ""), ErrorKind::Unavailable),
        (Reply::with(503, "").and("retry-after", "7"), ErrorKind::Unavailable),
        (Reply::with(504, ""), ErrorKind::Unavailable),
    ]
}

#[tokio::test]
async fn whatever_breaks_the_answer_to_a_password_it_is_sent_once() {
    for shape in SHAPES {
        for (reply, kind) in faults() {
            let stage = broken(shape, reply.clone(), holds_password).await;
            let error = stage.sign_in().await.unwrap_err();
            let E::Transport { error, password_sent } = &error else {
                panic!("{shape:?} {reply:?}: {error:?}")
            };
            assert_eq!((error.kind(), *password_sent), (kind, true), "{shape:?} {reply:?}");
            assert_eq!(stage.tries(), 1, "{shape:?} {reply:?}");
        }
        for status in [429, 301, 302, 303, 307, 308] {
            let reply = Reply::with(status, "").and("location", "/u/login?again=1");
            let stage = broken(shape, reply, holds_password).await;
            let error = stage.sign_in().await.unwrap_err();
            assert!(error.password_sent(), "{shape:?} {status}: {error}");
            assert_eq!(stage.tries(), 1, "{shape:?} {status}");
        }
    }
}

#[tokio::test]
async fn a_fault_at_any_step_says_whether_the_password_was_sent() {
    for shape in [Shape::Form, Shape::Classic, Shape::Steps] {
        let whole = Stage::new(works(shape)).await;
        whole.sign_in().await.unwrap();
        let steps = whole.log();
        let at_password = steps.iter().position(holds_password).unwrap();
        for (at, step) in steps.iter().enumerate() {
            // The tenant is asked for the CSRF token all the same, and reads are repeated.
            if step.path.starts_with("/api/") {
                continue;
            }
            let line = step.line();
            let strikes = {
                let line = line.clone();
                move |asked: &Asked| asked.line() == line
            };
            let stage = broken(shape, Reply::Cut, strikes).await;
            let error = stage.sign_in().await.unwrap_err();
            assert_eq!(error.password_sent(), at >= at_password, "{shape:?} {line}: {error}");
            assert_eq!(stage.log().len(), at + 1, "{shape:?} {line}: nothing is repeated");
        }
    }
}

#[tokio::test]
async fn where_no_connection_can_be_made_the_password_was_not_sent() {
    let stage = Stage::with(
        |config| {
            // Port 9 of the loopback address: nobody listens there.
            config.resolve = qlik::Resolve::parse("*.qlikcloud.com=127.0.0.1:9").unwrap();
        },
        |_: &Asked| Reply::Cut,
    )
    .await;
    let error = stage.sign_in().await.unwrap_err();
    assert!(
        matches!(&error, E::Transport { error, password_sent: false } if error.kind() == ErrorKind::Connect),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_login_as_a_whole_has_a_time() {
    let slow = |asked: &Asked| {
        if asked.path == "/authorize/resume" { Reply::Hang } else { works(Shape::Form)(asked) }
    };
    let stage = Stage::with(|config| config.login_timeout = Duration::from_secs(3), slow).await;
    let error = stage.sign_in().await.unwrap_err();
    assert!(
        matches!(&error, E::Transport { error, password_sent: true } if error.kind() == ErrorKind::Timeout),
        "{error:?}"
    );
    assert_eq!(stage.tries(), 1);
}
