//! Start and stop. The first signal drains: no new connections, open requests
//! and the renewal's present step are finished. A second one, or half a minute,
//! ends it at once; a renewal that is cut off is taken up at the next start.

use std::{
    fs::Permissions, io::Write as _, net::SocketAddr, os::unix::fs::PermissionsExt as _, path::Path,
    process::ExitCode, time::Duration,
};

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
        write_private(path, ready.to_string().as_bytes())
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

/// Writes a file that its owner alone can read, whole or not at all: whoever waits
/// for it reads it at once. It is a new file under a name that nobody could know
/// before, so that nothing which lay ready there is written to, and takes the place
/// of what had the name, be it a link to another file.
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().permissions(Permissions::from_mode(0o600)).tempfile_in(dir)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn whatever_lay_ready_where_the_ready_file_is_written_only_the_owner_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let (path, elsewhere) = (dir.path().join("ready.json"), dir.path().join("elsewhere"));
        let part = path.with_extension("part");
        let lay: [&dyn Fn(); 5] = [
            &|| {},
            &|| fs::write(&part, "long before").unwrap(),
            &|| fs::write(&path, "long before").unwrap(),
            &|| symlink(&elsewhere, &part).unwrap(),
            &|| symlink(&elsewhere, &path).unwrap(),
        ];
        for (n, lay) in lay.iter().enumerate() {
            fs::write(&elsewhere, "somebody's").unwrap();
            let _ = (fs::remove_file(&part), fs::remove_file(&path));
            lay();
            for lies in [&part, &path] {
                if lies.exists() {
                    fs::set_permissions(lies, Permissions::from_mode(0o666)).unwrap();
                }
            }
            write_private(&path, b"code").unwrap();
            let meta = fs::symlink_metadata(&path).unwrap();
            assert!(meta.is_file(), "{n}");
            assert_eq!(meta.permissions().mode() & 0o777, 0o600, "{n}");
            assert_eq!(fs::read_to_string(&path).unwrap(), "code", "{n}");
            assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "somebody's", "{n}");
        }
    }
}
