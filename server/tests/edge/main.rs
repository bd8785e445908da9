//! The server as a real process that may have few files open, and strangers who hold
//! connections for nothing: whoever has something to ask is answered, and who stops
//! it does not wait for the strangers.

#![expect(clippy::unwrap_used, reason = "a test that can't go on ends")]

use std::{
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::{Child, Command},
    time::{interval, timeout},
};

const PATIENCE: Duration = Duration::from_secs(30);
const FILES: usize = 256;

struct Server {
    child: Child,
    address: String,
}

impl Server {
    async fn start(dir: &Path) -> Self {
        let ready = dir.join("ready.json");
        let program = env!("CARGO_BIN_EXE_qonduit");
        let child = Command::new("/bin/sh")
            .args(["-c", &format!("ulimit -n {FILES} && exec \"$0\""), program])
            .env_clear()
            .env("QONDUIT_LISTEN", "127.0.0.1:0")
            .env("QONDUIT_PUBLIC_URL", "https://acme.portal.example")
            .env("QONDUIT_DATABASE_URL", format!("sqlite://{}", dir.join("qonduit.db").display()))
            .env("QONDUIT_KEYRING_FILE", dir.join("keyring"))
            .env("QONDUIT_READY_FILE", &ready)
            .env("QONDUIT_SITE_ROOT", dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut pace = interval(Duration::from_millis(15));
        let waiting = async {
            while !ready.exists() {
                pace.tick().await;
            }
        };
        timeout(PATIENCE, waiting).await.unwrap();
        let told: serde_json::Value = serde_json::from_slice(&std::fs::read(&ready).unwrap()).unwrap();
        Self { child, address: told["address"].as_str().unwrap().to_owned() }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().unwrap().try_into().unwrap()).unwrap()
    }

    async fn send(&self, text: &str) -> TcpStream {
        let mut tcp = timeout(PATIENCE, TcpStream::connect(&self.address)).await.unwrap().unwrap();
        tcp.write_all(text.as_bytes()).await.unwrap();
        tcp
    }

    async fn get(&self, path: &str) -> String {
        let mut tcp =
            self.send(&format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await;
        let mut answer = String::new();
        timeout(PATIENCE, tcp.read_to_string(&mut answer)).await.unwrap().unwrap();
        answer
    }

    async fn stopped(mut self) -> ExitStatus {
        kill_process(self.pid(), Signal::TERM).unwrap();
        timeout(Duration::from_secs(10), self.child.wait()).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn strangers_with_more_connections_than_it_may_have_files_neither_end_its_service_nor_hold_its_stop() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let mut strangers = Vec::new();
    for n in 0..400 {
        let begun = match n % 3 {
            0 => "",
            1 => "GET / HTTP/1.1\r\nhost: x\r\ncook",
            _ => "POST /api/people/sign-in HTTP/1.1\r\nhost: x\r\ncontent-length: 900\r\n\r\nemail=",
        };
        strangers.push(server.send(begun).await);
        if n % 50 == 49 {
            assert!(server.get("/healthz").await.starts_with("HTTP/1.1 200 "), "after {n}");
        }
    }
    let setup = server.get("/setup").await;
    assert!(setup.starts_with("HTTP/1.1 200 "), "{setup}");
    let open = std::fs::read_dir(format!("/proc/{}/fd", server.pid().as_raw_nonzero())).unwrap().count();
    assert!(open < FILES, "{open}");
    let ended = server.stopped().await;
    assert!(ended.success(), "{ended}");
    drop(strangers);
}

#[tokio::test]
async fn its_memory_is_not_written_to_a_core_file() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.pid().as_raw_nonzero())).unwrap();
    let core = limits.lines().find(|l| l.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().filter(|w| *w == "0").count(), 2, "{core}");
    assert!(server.stopped().await.success());
}
