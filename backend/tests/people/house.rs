//! A services value on a temporary database, with a clock that the test moves.

use std::{net::IpAddr, sync::Arc};

use backend::{
    Actor, Error, FieldError, Portal, Role, Services,
    people::{Caller, Invitation, NewUser, SetUp, UserRow},
    store::Tx,
    testing::{self, FakeClock, TestServices},
};
use secrecy::{ExposeSecret, SecretString};

pub(crate) const OWNER: &str = "owner@acme.example";
pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const OTHER_PASSWORD: &str = "staple under the moon";

pub(crate) struct House {
    pub(crate) services: Services,
    pub(crate) clock: Arc<FakeClock>,
    test: TestServices,
}

impl House {
    /// No portal yet.
    pub(crate) async fn empty() -> Self {
        let clock = FakeClock::new("2026-11-20T10:00:00Z".parse().unwrap());
        let test = testing::services(clock.clone()).await.unwrap();
        Self { services: test.services.clone(), clock, test }
    }

    /// With a portal and its owner.
    pub(crate) async fn with_owner() -> (Self, Actor) {
        let house = Self::empty().await;
        let code = house.services.setup_code().await.unwrap().unwrap();
        let owner = house.services.set_up(Self::form(&code), None).await.unwrap();
        (house, owner)
    }

    pub(crate) fn form(code: &str) -> SetUp {
        SetUp {
            code: code.to_owned(),
            portal_name: "Acme reports".to_owned(),
            name: "Olga Owner".to_owned(),
            email: OWNER.to_owned(),
            password: secret(PASSWORD),
        }
    }

    /// An active user with [`PASSWORD`].
    pub(crate) async fn user(&self, by: &Actor, email: &str, role: Role) -> Actor {
        let invitation = self.services.add_user(by, new_user(email, role)).await.unwrap();
        self.accept(&invitation, PASSWORD).await.unwrap()
    }

    pub(crate) async fn accept(&self, invitation: &Invitation, password: &str) -> Result<Actor, Error> {
        self.services.accept_invitation(invitation.token.expose_secret(), secret(password)).await
    }

    pub(crate) async fn row(&self, a: &Actor, user_id: &str) -> UserRow {
        let rows = self.services.list_users(a).await.unwrap();
        rows.into_iter().find(|r| r.id == user_id).unwrap()
    }

    /// Another process on the same database.
    pub(crate) async fn another(&self) -> Self {
        let test = self.test.another().await.unwrap();
        Self { services: test.services.clone(), clock: self.clock.clone(), test }
    }

    /// The newest action of the portal.
    pub(crate) async fn last_action(&self, a: &Actor) -> String {
        self.services.audit_page(a, None, 1).await.unwrap().remove(0).action
    }

    pub(crate) async fn sql(&self, statement: &'static str) {
        let mut tx = self.services.db().write().await.unwrap();
        sqlx::query(statement).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// A second portal with an administrator, `far@away.example` with
    /// [`PASSWORD`]; what the product itself does not make yet.
    pub(crate) async fn second_portal(&self, owner: &Actor) -> Actor {
        let far = self.user(owner, "far@away.example", Role::Administrator).await;
        self.sql("INSERT INTO portals VALUES ('p2', 'far.example', 'https://far.example', 'Far', 1)").await;
        self.sql("UPDATE users SET portal_id = 'p2' WHERE email = 'far@away.example'").await;
        self.services.actor(&far.user_id).await.unwrap().unwrap()
    }

    /// Returns when what was begun before has read and hashed what it does before
    /// it writes: these do the same, wait behind it, and write nothing.
    pub(crate) async fn let_others_hash(&self, by: &Actor) {
        for _ in 0..4 {
            let end = self.services.change_password(by, secret("not this one"), secret(OTHER_PASSWORD)).await;
            assert_eq!(refused(end), [("current_password", "wrong")]);
        }
    }

    /// Every byte of the database's files.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.test.bytes().unwrap()
    }
}

/// What [`Services::disable_user`] does to the user's row, in a transaction that
/// the test holds open.
pub(crate) async fn disable(tx: &mut Tx<'_>, user_id: &str) {
    let end = sqlx::query("UPDATE users SET status = 'disabled', auth_epoch = auth_epoch + 1 WHERE id = ?")
        .bind(user_id)
        .execute(&mut **tx)
        .await
        .unwrap();
    assert_eq!(end.rows_affected(), 1);
}

pub(crate) fn new_user(email: &str, role: Role) -> NewUser {
    NewUser { email: email.to_owned(), name: format!("Name of {email}"), role }
}

pub(crate) fn secret(s: &str) -> SecretString {
    SecretString::from(s)
}

pub(crate) fn ip(s: &str) -> IpAddr {
    s.parse().unwrap()
}

/// The fields that were refused, with the codes.
pub(crate) fn refused<T: std::fmt::Debug>(end: Result<T, Error>) -> Vec<(&'static str, &'static str)> {
    match end {
        Err(Error::Invalid(fields)) => {
            fields.iter().map(|FieldError { field, code }| (*field, *code)).collect()
        }
        other => panic!("not refused by field: {other:?}"),
    }
}

pub(crate) async fn signs_in(house: &House, portal: &Portal, email: &str, password: &str) -> bool {
    match house.services.sign_in(portal, email, secret(password), Caller::default()).await {
        Ok(_) => true,
        Err(Error::BadCredentials) => false,
        Err(e) => panic!("{e}"),
    }
}
