//! Makes an empty database file with the tables of a folder of migrations,
//! for sqlx to check queries against: `query-database <file> <migrations>`.
//!
//! A package of its own because `backend` can't do this: it doesn't compile
//! while its queries' data is out of date, which is when this is wanted. And
//! the rest of `xtask` should not wait for its driver.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [database, migrations] = arguments.as_slice() else {
        bail!("usage: query-database <file> <migrations>")
    };
    let options = SqliteConnectOptions::new().filename(database).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.context("cannot make a database")?;
    let migrator = Migrator::new(migrations.as_path()).await.context("cannot read the migrations")?;
    migrator.run(&mut connection).await.context("the migrations do not run")?;
    connection.close().await.context("cannot close the database")
}
