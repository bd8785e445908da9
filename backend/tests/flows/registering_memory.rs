//! Nothing of a password is left in memory once a sign-in is over.
//!
//! The process looks through its own memory. The sandbox has the password too, so it
//! runs in a process of its own: this very test program, started with the other test
//! of this file.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    os::unix::fs::FileExt as _,
    process::{Child, Command, Stdio},
};

use backend::{
    credentials::CredentialState,
    testing::{FakeClock, QlikAt, TestServices, services_at},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sandbox::{NewAccount, NewTenant, NewUser, Sandbox, SandboxConfig};
use secrecy::SecretString;

use crate::house::{HOST, ORIGIN, mins, start};

/// The password, so written that it is nowhere in the clear.
const HIDDEN: [u8; 24] =
    *b"\x1b\x3f\x6d\x68\x1b\x2b\x6e\x10\x37\x13\x3d\x2d\x6a\x02\x69\x34\x0e\x62\x28\x0c\x6b\x29\x0a\x3b";
const KEY: u8 = 0x5a;
/// So many bytes of its end are looked for: memory that was given back without being
/// wiped has lost its first sixteen to the allocator.
const END: usize = 8;
const CHUNK: usize = 1 << 16;
const ADA: &str = "ada@acme.example";

fn password() -> SecretString {
    // At once of its whole size.
    let mut clear = String::with_capacity(HIDDEN.len());
    clear.extend(HIDDEN.iter().map(|byte| char::from(byte ^ KEY)));
    SecretString::from(clear)
}

/// How often the password's end is in this process's memory.
fn copies() -> usize {
    let memory = File::open("/proc/self/mem").unwrap();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let (mut found, end_of_it) = (0, &HIDDEN[HIDDEN.len() - END..]);
    // What is read is hidden in the same way before anything else is done with it.
    let mut chunk = vec![0_u8; CHUNK + END - 1];
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let (mut at, end) = (u64::from_str_radix(from, 16).unwrap(), u64::from_str_radix(to, 16).unwrap());
        while at < end {
            let wanted = chunk.len().min(usize::try_from(end - at).unwrap());
            let read = memory.read_at(&mut chunk[..wanted], at).unwrap_or(0);
            chunk[..read].iter_mut().for_each(|byte| *byte ^= KEY);
            found += chunk[..read].windows(END).filter(|window| *window == end_of_it).count();
            at += CHUNK as u64;
        }
    }
    found
}

#[tokio::test]
#[ignore = "the tenant's half of the other test"]
async fn the_tenant_of_the_test_beside() {
    let config = SandboxConfig { start: Some(start()), ..SandboxConfig::default() };
    let sandbox = Sandbox::start(config).await.unwrap();
    let world = sandbox.world();
    let tenant = world.add_tenant(NewTenant::new("acme", "eu"));
    world.add_user(&tenant, NewUser::admin(ADA));
    let clear: String = HIDDEN.iter().map(|byte| char::from(byte ^ KEY)).collect();
    let other = fs::read_to_string("/proc/self/environ").unwrap().contains("TENANT_PASSWORD=another");
    world.add_account(NewAccount::new(ADA, if other { "another".to_owned() } else { clear }));
    let web = world.add_web_integration(&tenant, "Portal", [ORIGIN]);
    let ca = STANDARD.encode(sandbox.ca_pem());
    println!("\nready {} {ca} {web}", sandbox.resolve_spec());
    // Until the other process ends it.
    std::future::pending::<()>().await;
}

struct Tenant(Child);

impl Drop for Tenant {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A tenant in another process, and a portal that is connected to it.
async fn portal(password: &str) -> (Tenant, TestServices) {
    let mut tenant = Tenant(
        Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "registering_memory::the_tenant_of_the_test_beside",
                "--ignored",
                "--nocapture",
            ])
            .env("TENANT_PASSWORD", password)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let lines = BufReader::new(tenant.0.stdout.take().unwrap()).lines();
    let line = lines.map(Result::unwrap).find(|line| line.starts_with("ready ")).unwrap();
    let [_, resolve, ca, web] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
    let ca_pem = String::from_utf8(STANDARD.decode(ca).unwrap()).unwrap();
    let at = QlikAt { resolve: resolve.to_owned(), ca_pem: Some(ca_pem), ..QlikAt::default() };
    let portal = services_at(FakeClock::new(start()), at).await.unwrap();
    let ada = portal.administrator().await.unwrap();
    let mut tx = portal.db().write().await.unwrap();
    sqlx::query(
        "INSERT INTO integrations (portal_id, tenant_host, permanent_host, tenant_id,
                                   web_integration_id, auth_option, email_as_subject, saved_at, saved_by)
         VALUES (?, ?, ?, '', ?, 'credentials', 0, 0, ?)",
    )
    .bind(&ada.portal.id)
    .bind(HOST)
    .bind(HOST)
    .bind(web)
    .bind(&ada.user_id)
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    (tenant, portal)
}

async fn ada(portal: &TestServices) -> backend::Actor {
    let id =
        sqlx::query_scalar::<_, String>("SELECT id FROM users").fetch_one(portal.db().read()).await.unwrap();
    portal.actor(&id).await.unwrap().unwrap()
}

#[tokio::test]
async fn once_it_is_registered_and_used_the_password_is_not_in_memory() {
    let (_tenant, portal) = portal("right").await;
    let ada = ada(&portal).await;
    let typed = password();
    assert_eq!(copies(), 1, "the search finds it where it is");
    assert!(portal.register_credentials(&ada, typed).await.unwrap().stored);
    assert_eq!(copies(), 0, "registered");
    portal.clock.advance(mins(30));
    let restarted = portal.another().await.unwrap();
    let apps = restarted.my_apps(&ada, backend::apps::AppsQuery::default()).await.unwrap();
    assert!(matches!(apps, backend::apps::AppsPage::Apps { .. }), "{apps:?}");
    assert_eq!(copies(), 0, "used");
}

#[tokio::test]
async fn once_it_is_refused_and_remembered_the_password_is_not_in_memory() {
    let (_tenant, portal) = portal("another").await;
    let ada = ada(&portal).await;
    let refused = portal.register_credentials(&ada, password()).await.unwrap();
    assert_eq!(refused.view.state, CredentialState::Refused);
    assert_eq!(copies(), 0, "refused");
    assert!(portal.register_credentials(&ada, password()).await.is_err());
    assert_eq!(copies(), 0, "known again");
}
