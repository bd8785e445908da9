//! The program: starts, tells where it is, serves, and ends when told.

use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

fn start(dir: &Path, extra: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_qlik-sandbox"))
        .args(["--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"])
        .arg("--ca-file")
        .arg(dir.join("ca.pem"))
        .arg("--ready-file")
        .arg(dir.join("ready.json"))
        .args(extra)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The ready file, once it is there.
async fn ready(dir: &Path) -> Value {
    let path = dir.join("ready.json");
    let patience = Instant::now() + Duration::from_secs(30);
    loop {
        if let Ok(text) = tokio::fs::read_to_string(&path).await {
            return serde_json::from_str(&text).unwrap();
        }
        assert!(Instant::now() < patience, "the program is not ready after 30 s");
        tokio::task::yield_now().await;
    }
}

fn terminate(child: &mut Child) -> (std::process::ExitStatus, String) {
    let killed = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(killed.success());
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    (child.wait().unwrap(), out)
}

#[tokio::test]
async fn the_program_serves_a_demo_world_and_prints_what_to_paste() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = start(dir.path(), &["--portal-origin", "http://portal.localhost:8080"]);
    let ready = ready(dir.path()).await;
    let demo = &ready["demo"];
    let ca = std::fs::read(dir.path().join("ca.pem")).unwrap();
    let addr: std::net::SocketAddr = ready["listen"].as_str().unwrap().parse().unwrap();
    let host = demo["tenant_host"].as_str().unwrap();
    #[expect(clippy::disallowed_methods, reason = "the sandbox must not depend on the qlik crate")]
    let http = reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(&ca).unwrap()])
        .resolve(host, addr)
        .no_proxy()
        .build()
        .unwrap();
    let key = demo["api_key"].as_str().unwrap();
    let me: Value = http
        .get(format!("https://{host}/api/v1/users/me"))
        .bearer_auth(key)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(me["email"], "ada@acme.example");
    let id = demo["web_integration_id"].as_str().unwrap();
    let integration: Value = http
        .get(format!("https://{host}/api/v1/web-integrations/{id}"))
        .bearer_auth(key)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(integration["validOrigins"], serde_json::json!(["http://portal.localhost:8080"]));
    let (status, printed) = terminate(&mut child);
    assert!(status.success(), "{status}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let account =
        format!("{} / {}", text(&demo["accounts"][1]["email"]), text(&demo["accounts"][1]["password"]));
    let client = text(&demo["oauth_client_secret"]);
    for value in [host, id, key, ready["resolve"].as_str().unwrap(), &account, &client] {
        assert!(printed.contains(value), "{value} is not in {printed}");
    }
}

#[tokio::test]
async fn an_empty_one_has_no_demo_world() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = start(dir.path(), &["--empty"]);
    let ready = ready(dir.path()).await;
    assert_eq!(ready["demo"], Value::Null);
    let (status, printed) = terminate(&mut child);
    assert!(status.success());
    assert!(!printed.contains("Web Integration Id"));
}

#[test]
fn the_control_interface_explains_itself() {
    let output = Command::new(env!("CARGO_BIN_EXE_qlik-sandbox")).arg("--help-control").output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().contains("POST /fresh-key-delay"));
}
