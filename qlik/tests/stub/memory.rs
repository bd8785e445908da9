//! Nothing of a password is left in memory once the login is over.
//!
//! The process looks through its own memory. The server would have the password in
//! its buffers, so it runs in a process of its own: this very test program, started
//! with the other test of this file.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::FileExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use qlik::{
    AccountPassword, PasswordLogin, PasswordLoginError, Qlik, QlikConfig, Resolve, SystemClock, SystemEntropy,
};

use crate::site::{EMAIL, ORIGIN, RETURN, SHAPES, Shape, WEB, holds_password, works};
use crate::stage::{Asked, Reply, Stage};

/// The password, so written that it is nowhere in the clear.
const HIDDEN: [u8; 24] =
    *b"\x1b\x3f\x6d\x68\x1b\x2b\x6e\x10\x37\x13\x3d\x2d\x6a\x02\x69\x34\x0e\x62\x28\x0c\x6b\x29\x0a\x3b";
const KEY: u8 = 0x5a;
const CHUNK: usize = 1 << 16;

fn password() -> AccountPassword {
    // At once of its whole size.
    let mut clear = String::with_capacity(HIDDEN.len());
    clear.extend(HIDDEN.iter().map(|byte| char::from(byte ^ KEY)));
    AccountPassword::new(clear)
}

/// How often the password is in this process's memory.
fn copies() -> usize {
    let memory = File::open("/proc/self/mem").unwrap();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let mut found = 0;
    // What is read is hidden in the same way before anything else is done with it.
    let mut chunk = vec![0_u8; CHUNK + HIDDEN.len() - 1];
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let (mut at, end) = (u64::from_str_radix(from, 16).unwrap(), u64::from_str_radix(to, 16).unwrap());
        while at < end {
            let wanted = chunk.len().min(usize::try_from(end - at).unwrap());
            let read = memory.read_at(&mut chunk[..wanted], at).unwrap_or(0);
            chunk[..read].iter_mut().for_each(|byte| *byte ^= KEY);
            found += chunk[..read].windows(HIDDEN.len()).filter(|window| **window == HIDDEN).count();
            at += CHUNK as u64;
        }
    }
    found
}

fn shape_named(name: &str) -> Shape {
    SHAPES.into_iter().find(|shape| format!("{shape:?}") == name).unwrap()
}

#[tokio::test]
#[ignore = "the server's half of the other test"]
async fn the_server_of_the_test_beside() {
    let shape = shape_named(
        &fs::read_to_string("/proc/self/environ")
            .unwrap()
            .split('\0')
            .find_map(|pair| pair.strip_prefix("STUB_SHAPE=").map(str::to_owned))
            .unwrap(),
    );
    let stage = Stage::new(move |asked: &Asked| {
        if holds_password(asked) { Reply::to("/authorize/resume?state=l1") } else { works(shape)(asked) }
    })
    .await;
    println!("\nready {} {}", stage.resolve, STANDARD.encode(&stage.ca_pem));
    // Until the other process ends it.
    std::future::pending::<()>().await;
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn server(shape: Shape) -> (Server, QlikConfig) {
    let mut server = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "memory::the_server_of_the_test_beside", "--ignored", "--nocapture"])
        .env("STUB_SHAPE", format!("{shape:?}"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let line = lines.map(Result::unwrap).find(|line| line.starts_with("ready ")).unwrap();
    let (resolve, ca) = line.strip_prefix("ready ").unwrap().split_once(' ').unwrap();
    let config = QlikConfig {
        resolve: Resolve::parse(resolve).unwrap(),
        ca_pem: Some(STANDARD.decode(ca).unwrap()),
        ..QlikConfig::default()
    };
    (Server(server), config)
}

#[tokio::test]
async fn once_a_login_is_over_the_password_is_not_in_memory() {
    for shape in SHAPES {
        let (_server, config) = server(shape);
        let qlik = Qlik::new(config, Arc::new(SystemClock), Arc::new(SystemEntropy)).unwrap();
        let password = password();
        assert_eq!(copies(), 1, "the search finds it where it is");
        let host = Stage::host();
        let login = PasswordLogin {
            host: &host,
            permanent_host: None,
            email: EMAIL,
            password: &password,
            web_integration_id: Some(WEB),
            origin: Some(ORIGIN),
            return_to: RETURN,
        };
        let outcome: Result<_, PasswordLoginError> = qlik.login_with_password(login).await;
        let session = outcome.unwrap();
        assert_eq!(copies(), 1, "{shape:?}: the caller's own and no other");
        drop(password);
        assert_eq!(copies(), 0, "{shape:?}");
        drop(session);
    }
}
