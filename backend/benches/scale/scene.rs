//! The sandbox tenants of the benchmark, in a process of their own: their memory
//! and the portal's are not to be mixed up.

use std::{collections::HashMap, io::BufRead as _, path::Path};

use jiff::SignedDuration;
use sandbox::{LogEntry, NewTenant, NewUser, Sandbox, SandboxConfig};
use serde::{Deserialize, Serialize};

use crate::runtime;

/// Small tenants beside the big one.
pub(crate) const SMALL_TENANTS: usize = 39;

/// A key at the sandbox, each of an owner of its own.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) tenant: String,
    pub(crate) host: String,
    pub(crate) owner: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Scene {
    pub(crate) resolve: String,
    pub(crate) ca: String,
    pub(crate) keys: Vec<Key>,
}

/// What was asked of the sandbox.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) calls: usize,
    pub(crate) refused: usize,
    /// The most changes that one tenant saw in any second.
    pub(crate) busiest: usize,
}

/// Serves until it is asked for the end by a line, and then says what was asked.
pub(crate) fn run(folder: &Path, big: usize, small: usize) {
    runtime().block_on(async {
        let sandbox =
            Sandbox::start(SandboxConfig { control: None, ..SandboxConfig::default() }).await.unwrap();
        let world = sandbox.world();
        let mut keys = Vec::new();
        for n in 0..=SMALL_TENANTS {
            let name = if n == 0 { "big".to_owned() } else { format!("small-{n}") };
            let tenant = world.add_tenant(NewTenant::new(&name, "eu"));
            world.set_key_config(&tenant, SignedDuration::from_hours(24 * 30), 5);
            // The big one's first, as they would be found: the oldest.
            let count = if n == 0 { big } else { small / SMALL_TENANTS };
            for user in 0..count {
                let owner =
                    world.add_user(&tenant, NewUser::admin(format!("u{user}@{name}.example").as_str()));
                let (id, token) = world.create_key(&owner, "made by hand", SignedDuration::from_hours(72));
                let host = format!("{name}.eu.qlikcloud.com");
                keys.push(Key { id, token, tenant: tenant.id.clone(), host, owner: owner.id });
            }
        }
        let scene = Scene { resolve: sandbox.resolve_spec(), ca: sandbox.ca_pem().to_owned(), keys };
        let part = folder.join("scene.part");
        std::fs::write(&part, serde_json::to_string(&scene).unwrap()).unwrap();
        std::fs::rename(part, folder.join("scene.json")).unwrap();
        tokio::task::spawn_blocking(|| std::io::stdin().lock().lines().next()).await.unwrap();
        println!("{}", serde_json::to_string(&asked(&world.log())).unwrap());
    });
}

fn asked(log: &[LogEntry]) -> Asked {
    let mut seconds: HashMap<(&str, i64), usize> = HashMap::new();
    for call in log.iter().filter(|c| c.method != "GET") {
        *seconds.entry((&call.host, call.at.as_second())).or_default() += 1;
    }
    Asked {
        calls: log.len(),
        refused: log.iter().filter(|c| c.status == Some(429)).count(),
        busiest: seconds.into_values().max().unwrap_or(0),
    }
}
