//! Lists the apps that the owner of an API key may see.
//!
//! ```sh
//! cargo run -p qlik --example list_apps -- acme.eu.qlikcloud.com < key.txt
//! ```
//!
//! The key is read from standard input, because a command line is seen by
//! everybody on the machine. A second and
//! third argument, such as `*.qlikcloud.com=127.0.0.1:4443 ca.pem`, point the
//! client at a stand-in for Qlik Cloud.

#![expect(clippy::print_stdout, reason = "an example")]

use std::error::Error;
use std::io::Read as _;
use std::sync::Arc;

use qlik::{ApiKeyToken, AppQuery, Qlik, QlikConfig, Resolve, SystemClock, SystemEntropy, TenantHost};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let host: TenantHost =
        arguments.next().ok_or("usage: list_apps HOST [RESOLVE CA_FILE] < KEY")?.parse()?;
    let mut config = QlikConfig::default();
    if let (Some(resolve), Some(ca_file)) = (arguments.next(), arguments.next()) {
        config.resolve = Resolve::parse(&resolve)?;
        config.ca_pem = Some(std::fs::read(ca_file)?);
    }
    let mut pasted = String::new();
    std::io::stdin().read_to_string(&mut pasted)?;
    let key = Arc::new(ApiKeyToken::parse(&pasted)?);
    drop(pasted);

    let qlik = Qlik::new(config, Arc::new(SystemClock), Arc::new(SystemEntropy))?;
    let tenant = qlik.with_key(&host, key);
    let mut query = AppQuery { limit: 100, ..AppQuery::default() };
    loop {
        let page = tenant.apps_page(&query).await?;
        for app in page.data {
            println!("{}  {}", app.name, app.open_url);
        }
        let Some(next) = page.next else { break };
        query.cursor = Some(next);
    }
    Ok(())
}
