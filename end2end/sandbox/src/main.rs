//! `qlik-sandbox`: the sandbox as a program, with a demo world to try things on.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Parser;
use sandbox::{CONTROL_HELP, Demo, DemoOptions, Sandbox, SandboxConfig};
use serde_json::json;
use tracing_subscriber::EnvFilter;

/// A strict stand-in for Qlik Cloud, on this machine only.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Where tenants are served over HTTPS.
    #[arg(long, default_value = "127.0.0.1:4443")]
    listen: SocketAddr,
    /// Where the control interface is served.
    #[arg(long, default_value = "127.0.0.1:4444")]
    control: SocketAddr,
    /// Writes the certificate that clients must trust (PEM) to this file.
    #[arg(long, value_name = "PATH")]
    ca_file: Option<PathBuf>,
    /// Keeps the certificate authority in this folder, so that the next run has the same.
    #[arg(long, value_name = "DIR")]
    ca_dir: Option<PathBuf>,
    /// The origin of the portal under trial, for the demo's web integration.
    #[arg(long, value_name = "ORIGIN", default_value = "http://127.0.0.1:3000")]
    portal_origin: String,
    /// Writes addresses and demo values (JSON) to this file once connections are accepted.
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
    /// Starts without the demo world.
    #[arg(long)]
    empty: bool,
    /// Serves the universal login under this name too, beside login.qlik.com.
    #[arg(long, value_name = "HOST")]
    login_host: Vec<String>,
    /// What to log to standard error.
    #[arg(long, value_name = "FILTER", default_value = "warn", env = "QLIK_SANDBOX_LOG")]
    log: String,
    /// Prints what the control interface can do.
    #[arg(long)]
    help_control: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let mut out = std::io::stdout();
    if args.help_control {
        out.write_all(CONTROL_HELP.as_bytes())?;
        return Ok(());
    }
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(&args.log).context("--log is no filter")?)
        .with_writer(std::io::stderr)
        .init();
    let sandbox = Sandbox::start(SandboxConfig {
        listen: args.listen,
        control: Some(args.control),
        start: None,
        ca_dir: args.ca_dir.clone(),
        demo: (!args.empty).then(|| DemoOptions { portal_origin: args.portal_origin.clone() }),
        login_hosts: args.login_host.clone(),
    })
    .await?;
    if let Some(path) = &args.ca_file {
        write_atomically(path, sandbox.ca_pem())?;
    }
    out.write_all(greeting(&sandbox, args.ca_file.as_deref()).as_bytes())?;
    out.flush()?;
    if let Some(path) = &args.ready_file {
        write_atomically(path, &ready(&sandbox, args.ca_file.as_deref()).to_string())?;
    }
    until_told().await?;
    sandbox.shutdown().await;
    Ok(())
}

/// What starts beside the sandbox reads this instead of standard output.
fn ready(sandbox: &Sandbox, ca_file: Option<&Path>) -> serde_json::Value {
    json!({
        "pid": std::process::id(),
        "listen": sandbox.addr(),
        "control": sandbox.control_addr().map(|addr| format!("http://{addr}")),
        "resolve": sandbox.resolve_spec(),
        "ca_file": ca_file,
        "demo": sandbox.demo(),
    })
}

fn greeting(sandbox: &Sandbox, ca_file: Option<&Path>) -> String {
    use std::fmt::Write as _;
    let mut text = format!("Qlik sandbox on https://{}", sandbox.addr());
    if let Some(control) = sandbox.control_addr() {
        // Writing to a String cannot fail; so below.
        let _ = write!(text, ", control on http://{control}");
    }
    let _ = writeln!(text, "\n\n  Send Qlik's hostnames here   {}", sandbox.resolve_spec());
    if let Some(path) = ca_file {
        let _ = writeln!(text, "  Trust this authority         {}", path.display());
    }
    if let Some(demo) = sandbox.demo() {
        text.push_str(&demo_lines(demo));
    }
    text
}

fn demo_lines(demo: &Demo) -> String {
    let users: Vec<_> = demo.users.iter().map(|user| user.email.as_str()).collect();
    let accounts: Vec<_> = demo.accounts.iter().map(|a| format!("{} / {}", a.email, a.password)).collect();
    format!(
        "\n  Qlik Sense tenant hostname   {}\n  Web Integration Id           {}\n  \
         Qlik Sense API key           {}\n  \
         OAuth client id              {}\n  OAuth client secret          {}\n  \
         Qlik Accounts                {}\n\n  \
         The key is {}'s and lasts 3 days. Other users: {}.\n",
        demo.tenant_host,
        demo.web_integration_id,
        demo.api_key,
        demo.oauth_client_id,
        demo.oauth_client_secret,
        accounts.join("\n                               "),
        demo.admin.email,
        users.join(", "),
    )
}

/// Writes a file so that a reader sees all of it or nothing. It may hold a key of
/// the demo world, so others than the owner may not read it.
fn write_atomically(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let write = || -> std::io::Result<()> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&beside)?.write_all(text.as_bytes())?;
        std::fs::rename(&beside, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// Waits for Ctrl-C or, on Unix, SIGTERM.
async fn until_told() -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            told = tokio::signal::ctrl_c() => told?,
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await?;
    Ok(())
}
