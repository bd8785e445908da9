//! Start and stop. The first signal drains: no new connections, open requests
//! and the renewal's present step are finished. A second one, or half a minute,
//! ends it at once; a renewal that is cut off is taken up at the next start.

use std::{net::SocketAddr, process::ExitCode, time::Duration};

use anyhow::{Context as _, Result};
use backend::Services;
use secrecy::ExposeSecret as _;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    boot,
    config::{Command, Config},
    connections::{self, Limits},
    doctor, process, router, tasks,
};

const DRAIN: Duration = Duration::from_secs(30);

/// Runs until a signal comes.
pub(crate) async fn run(config: Config) -> Result<ExitCode> {
    let services = boot::services(&config).await?;
    if let Some(command) = &config.command {
        let code = match command {
            Command::OwnerLink => owner_link(&config, &services).await.map(|()| ExitCode::SUCCESS),
            Command::Doctor { portal, json } => {
                doctor::run(&config, &services, portal.as_deref(), *json).await
            }
        };
        services.db().close().await;
        return code;
    }
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("QONDUIT_LISTEN ({})", config.listen))?;
    let address = listener.local_addr().context("QONDUIT_LISTEN")?;

    // Before any work begins, and before anyone hears that it runs: who stops it then is heard.
    let mut interrupt = signal(SignalKind::interrupt()).context("signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("signals")?;
    let stop = CancellationToken::new();
    let tracker = TaskTracker::new();
    tasks::spawn(&tracker, &services, &stop);
    let app = router::router(&config, &services, &stop);
    announce(&config, &services, address).await?;

    let limits = Limits::within(process::descriptors());
    let (most, for_each) = limits.connections();
    tracing::info!(connections = most, for_each_address = for_each, "connections are bounded");
    tracker.spawn({
        let (stop, proxy) = (stop.clone(), config.trusted_proxy);
        async move {
            // However it ends: a process that hears nobody is of no use.
            let _stops = stop.clone().drop_guard();
            connections::serve(listener, app, limits, proxy, stop).await;
        }
    });
    tracker.close();

    let asked = tokio::select! {
        _ = interrupt.recv() => true,
        _ = terminate.recv() => true,
        () = stop.cancelled() => false,
    };
    tracing::info!("stopping");
    stop.cancel();
    let in_time = tokio::select! {
        () = tracker.wait() => true,
        () = tokio::time::sleep(DRAIN) => false,
        _ = interrupt.recv() => false,
        _ = terminate.recv() => false,
    };
    if in_time {
        services.db().close().await;
    } else {
        tracing::warn!("stopped before everything was finished");
    }
    Ok(if asked { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Says where it listens and, at the first start, with which code to set it up.
#[expect(clippy::print_stdout, reason = "the set-up code is for who started the server, not for the log")]
async fn announce(config: &Config, services: &Services, address: SocketAddr) -> Result<()> {
    let public = config.public_url.as_str().trim_end_matches('/');
    println!("Qonduit listens on {address}; people reach it at {public}");
    let code = services.setup_code().await.context("the set-up code")?;
    if let Some(code) = &code {
        println!("Set-up code: {code}");
        println!("Open {public}/setup and enter it to make the portal and its first administrator.");
    }
    if let Some(path) = &config.ready_file {
        let ready = serde_json::json!({ "address": address.to_string(), "url": public, "setup_code": code });
        // Written whole or not at all: whoever waits for it reads it at once.
        let part = path.with_extension("part");
        write_private(&part, ready.to_string().as_bytes())
            .and_then(|()| std::fs::rename(&part, path))
            .with_context(|| format!("QONDUIT_READY_FILE ({})", path.display()))?;
    }
    Ok(())
}

/// For an owner who lost the password: nobody else can reset it.
#[expect(clippy::print_stdout, reason = "the link is for who ran the command")]
async fn owner_link(config: &Config, services: &Services) -> Result<()> {
    let host = config.public_url.host_str().unwrap_or_default();
    let portal = services.portal_by_host(host).await?.context("there is no portal at this address yet")?;
    let link = services.owner_recovery(&portal.id).await?;
    let path = app::routes::join(link.token.expose_secret());
    println!("{}{path}", config.public_url.as_str().trim_end_matches('/'));
    println!("It works once, until {}.", link.expires_at);
    Ok(())
}

fn write_private(path: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let mut file =
        std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)?;
    file.write_all(bytes)
}
