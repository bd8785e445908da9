//! What an operator's monitoring reads: numbers over all portals, and nothing that
//! names one. This module must not know how they are written down.

use crate::{Error, Services, connection::AuthOption};

/// The state of the whole in numbers, as of now. Times are in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gauges {
    /// Connections in force, by option; an option that nobody uses has zero.
    pub connections: Vec<(AuthOption, Connections)>,
    /// Until the first of the keys in use expires; negative once it has.
    pub first_key_expires_in: Option<i64>,
    /// For how long the longest action of a renewal has been due; zero where none is.
    pub most_overdue: i64,
    /// Mails and webhooks that wait to be sent.
    pub notices_waiting: i64,
    /// Users' sign-ins at Qlik are held until then at this many hosts.
    pub login_holds: i64,
    /// Since the renewal task last looked; none before its first look.
    pub scheduler_age: Option<i64>,
}

/// The connections of one option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Connections {
    /// All of them.
    pub all: i64,
    /// Those of which the last examination found a failure.
    pub failing: i64,
    /// Those whose last renewal failed, and which try again by themselves.
    pub renewal_failing: i64,
    /// Those whose renewal waits for a person.
    pub need_person: i64,
}

impl Services {
    /// Reads them.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn gauges(&self) -> Result<Gauges, Error> {
        let now = self.now().as_second();
        let mut connections: Vec<_> = AuthOption::ALL.map(|o| (o, Connections::default())).into();
        let mut most_overdue = 0;
        let rows = sqlx::query!(
            r#"SELECT auth_option AS "option!", count(*) AS "all!: i64",
                      count(*) FILTER (WHERE NOT json_extract(last_report, '$.ok')) AS "failing!: i64",
                      count(*) FILTER (WHERE json_extract(renewal, '$.failing') IS NOT NULL
                          AND json_extract(renewal, '$.need') IS NULL) AS "renewal_failing!: i64",
                      count(*) FILTER (WHERE json_extract(renewal, '$.need') IS NOT NULL) AS "need_person!: i64",
                      min(next_action_at) AS "first: i64"
               FROM integrations GROUP BY auth_option"#
        )
        .fetch_all(self.db().read())
        .await?;
        for row in rows {
            let of = Connections {
                all: row.all,
                failing: row.failing,
                renewal_failing: row.renewal_failing,
                need_person: row.need_person,
            };
            most_overdue = most_overdue.max(row.first.map_or(0, |at| now - at));
            if let Some(known) = connections.iter_mut().find(|(o, _)| o.as_str() == row.option) {
                known.1 = of;
            }
        }
        let rest = sqlx::query!(
            r#"SELECT (SELECT min(expires_at) FROM api_keys WHERE state = 'current') AS "expires: i64",
                      (SELECT count(*) FROM outbox WHERE next_try_at IS NOT NULL) AS "waiting!: i64",
                      (SELECT count(*) FROM login_holds WHERE hold_until > ?) AS "holds!: i64""#,
            now
        )
        .fetch_one(self.db().read())
        .await?;
        Ok(Gauges {
            connections,
            first_key_expires_in: rest.expires.map(|at| at - now),
            most_overdue,
            notices_waiting: rest.waiting,
            login_holds: rest.holds,
            scheduler_age: self.last_beat().await?.map(|at| now - at),
        })
    }
}
