//! Login by JWT: is the token good, and which user does it become?
//!
//! Claims and rules: <https://qlik.dev/authenticate/jwt/implement-jwt-authorization/>,
//! <https://qlik.dev/apis/rest/login>.

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

use super::{EventKind, NewUser, Session, State, UserStatus};
use crate::clock::later;

/// A login's parts, as they came.
#[derive(Clone, Copy)]
pub(crate) struct LoginRequest<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) token: &'a str,
    pub(crate) web_integration_id: Option<&'a str>,
    pub(crate) origin: Option<&'a str>,
}

/// Why a login was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoginRefusal {
    /// No web integration has the id that was sent.
    UnknownIntegration,
    /// The web integration does not list the request's origin.
    OriginNotListed,
    /// The token is unusable; why, in words.
    BadToken(&'static str),
    /// A claim that must be there is not.
    MissingClaim(&'static str),
    /// A claim breaks a rule.
    InvalidClaim(&'static str),
    /// The user is switched off.
    Disabled,
    /// The invitation ended before the first login.
    InviteExpired,
    /// Several active users share the e-mail.
    Ambiguous,
    /// Nobody has the subject or the e-mail, and the tenant makes no users of JWTs.
    NotMember,
}

/// The longest time from `nbf` to `exp`, in seconds.
const MAX_LIFETIME_S: i64 = 3_600;

#[derive(Debug)]
pub(super) struct Claims {
    /// The identity provider that verified them.
    idp: String,
    pub(super) sub: String,
    name: String,
    pub(super) email: String,
    jti: String,
    groups: Vec<String>,
}

impl Claims {
    /// What the login host says of an account.
    pub(super) fn of_account(sub: &str, name: &str, email: &str) -> Self {
        let [sub, name, email] = [sub, name, email].map(str::to_owned);
        Self { idp: String::new(), sub, name, email, jti: String::new(), groups: Vec::new() }
    }

    /// They came in a token, not from the login host.
    fn is_jwt(&self) -> bool {
        !self.idp.is_empty()
    }
}

impl State {
    /// Signs a user in by a token that an identity provider's key signed.
    pub(crate) fn login_by_jwt(&mut self, request: LoginRequest<'_>) -> Result<Session, LoginRefusal> {
        self.check_origin(request)?;
        let claims = self.verify(request)?;
        // Once verified the token is spent, whatever becomes of the login. The
        // answer to a re-used jti is not published; 401 like any bad token.
        if !self.used_jtis.insert((request.tenant.to_owned(), claims.jti.clone())) {
            return Err(LoginRefusal::BadToken("jti has been used before"));
        }
        let user = self.resolve(request.tenant, &claims)?;
        let rights = self.user(&user).map(super::User::rights).ok_or(LoginRefusal::Disabled)?;
        if let Some(idp) = self.idps.iter_mut().find(|i| i.id == claims.idp) {
            idp.logins += 1;
        }
        Ok(self.open_session(request.tenant, &user, &claims.idp, rights))
    }

    /// Server-to-server calls send no origin and need no web integration. With an
    /// origin but without an id there is no list that could allow it.
    fn check_origin(&self, request: LoginRequest<'_>) -> Result<(), LoginRefusal> {
        let integration = match request.web_integration_id {
            Some(id) => {
                Some(self.integration_of(request.tenant, id).ok_or(LoginRefusal::UnknownIntegration)?)
            }
            None => None,
        };
        match (request.origin, integration) {
            (None, _) => Ok(()),
            (Some(origin), Some(integration)) if integration.allows(origin) => Ok(()),
            (Some(_), _) => Err(LoginRefusal::OriginNotListed),
        }
    }

    fn verify(&self, request: LoginRequest<'_>) -> Result<Claims, LoginRefusal> {
        use LoginRefusal::BadToken;
        let header = jsonwebtoken::decode_header(request.token).map_err(|_| BadToken("not a JWT"))?;
        // "algorithm must be set to RS256"
        if header.alg != Algorithm::RS256 {
            return Err(BadToken("alg must be RS256"));
        }
        let kid = header.kid.as_deref().ok_or(BadToken("kid is missing"))?;
        let unverified: Value = jsonwebtoken::dangerous::insecure_decode_claims(request.token)
            .map_err(|_| BadToken("not a JWT"))?;
        let issuer = unverified["iss"].as_str().ok_or(LoginRefusal::MissingClaim("iss"))?;
        let idp = self
            .idp_for(request.tenant, issuer, kid)
            .ok_or(BadToken("no identity provider for iss and kid"))?;
        let delay = self.switches.fresh_idp_delay;
        if !delay.is_zero() && self.now() < later(idp.created, delay) {
            return Err(BadToken("no identity provider for iss and kid"));
        }
        let mut rules = Validation::new(Algorithm::RS256);
        rules.required_spec_claims.clear();
        rules.validate_exp = false;
        rules.validate_nbf = false;
        rules.validate_aud = false;
        let claims: Value =
            jsonwebtoken::decode(request.token, &DecodingKey::from_rsa_der(&idp.public_key), &rules)
                .map_err(|_| BadToken("the signature does not fit the identity provider's key"))?
                .claims;
        check_claims(&idp.id, &claims, self.now().as_second(), idp.clock_tolerance_s)
    }

    /// By subject, else by e-mail, else a new user.
    pub(super) fn resolve(&mut self, tenant: &str, claims: &Claims) -> Result<String, LoginRefusal> {
        let now = self.now();
        let known = self.users_of(tenant).find(|u| u.subject == claims.sub).map(|u| u.id.clone());
        if let Some(id) = known {
            self.admit(&id, now)?;
            self.enter(&id, claims, None);
            return Ok(id);
        }
        let same_email: Vec<_> = self
            .users_of(tenant)
            .filter(|u| u.visible_email().is_some_and(|e| e.eq_ignore_ascii_case(&claims.email)))
            .map(|u| (u.id.clone(), u.status, u.subject.clone()))
            .collect();
        let active: Vec<_> =
            same_email.iter().filter(|(_, status, _)| *status == UserStatus::Active).collect();
        if active.len() > 1 {
            let matched_users = active.into_iter().map(|(id, ..)| id.clone()).collect();
            let (email, subject) = (claims.email.clone(), claims.sub.clone());
            self.record(tenant, EventKind::Conflict { email, subject, matched_users });
            return Err(LoginRefusal::Ambiguous);
        }
        if let Some((id, _, old_subject)) = active.first().copied().or(same_email.first()).cloned() {
            self.admit(&id, now)?;
            self.enter(&id, claims, Some(&claims.sub));
            self.record(
                tenant,
                EventKind::Reassigned {
                    user: id.clone(),
                    email: claims.email.clone(),
                    old_subject,
                    new_subject: claims.sub.clone(),
                },
            );
            return Ok(id);
        }
        // `createNewUsersOnLogin` is no member of a JWT provider (`@qlik/api`), so this
        // is the tenant's own matter.
        if claims.is_jwt() && !self.tenant(tenant).is_some_and(|t| t.jwt_makes_users) {
            return Err(LoginRefusal::NotMember);
        }
        let new = NewUser {
            name: claims.name.clone(),
            subject: Some(claims.sub.clone()),
            ..NewUser::new(claims.email.clone())
        };
        let made = self.add_user(tenant, new).map_err(|_| LoginRefusal::BadToken("no such tenant"))?;
        self.enter(&made.id, claims, None);
        self.record(
            tenant,
            EventKind::Created { user: made.id.clone(), email: made.email, subject: made.subject },
        );
        Ok(made.id)
    }

    /// Whether the user's standing lets him in.
    fn admit(&self, id: &str, now: jiff::Timestamp) -> Result<(), LoginRefusal> {
        let user = self.user(id).ok_or(LoginRefusal::Disabled)?;
        match user.status {
            UserStatus::Invited if user.invite_expiry.is_some_and(|end| end <= now) => {
                Err(LoginRefusal::InviteExpired)
            }
            UserStatus::Active | UserStatus::Provisioned | UserStatus::Invited => Ok(()),
            UserStatus::Disabled | UserStatus::Deleted => Err(LoginRefusal::Disabled),
        }
    }

    /// What a login leaves on the user. Whether name and e-mail follow a JWT's claims
    /// is not published; they do unless the tenant is told otherwise. An e-mail that
    /// comes so is verified, and known from then on.
    fn enter(&mut self, id: &str, claims: &Claims, subject: Option<&str>) {
        let tenant = self.user(id).and_then(|user| self.tenant(&user.tenant));
        let takes_over = claims.is_jwt() && tenant.is_some_and(|t| t.jwt_takes_over_profile);
        // The caller has just found or made this user.
        let _ = self.change_user(id, |user| {
            user.status = UserStatus::Active;
            if takes_over {
                user.name.clone_from(&claims.name);
                user.email.clone_from(&claims.email);
                user.email_hidden = false;
            }
            if let Some(subject) = subject {
                subject.clone_into(&mut user.subject);
            }
            if !claims.groups.is_empty() {
                user.groups.clone_from(&claims.groups);
            }
        });
    }
}

fn check_claims(idp: &str, claims: &Value, now: i64, tolerance: i64) -> Result<Claims, LoginRefusal> {
    use LoginRefusal::{BadToken, InvalidClaim, MissingClaim};
    let text = |name: &'static str| match &claims[name] {
        Value::Null => Err(MissingClaim(name)),
        Value::String(text) if !text.is_empty() => Ok(text.clone()),
        _ => Err(InvalidClaim(name)),
    };
    let seconds = |name: &'static str| match &claims[name] {
        Value::Null => Err(MissingClaim(name)),
        value => value.as_i64().ok_or(InvalidClaim(name)),
    };
    let aud = text("aud")?;
    let (sub, name, email, jti) = (text("sub")?, text("name")?, text("email")?, text("jti")?);
    let (iat, nbf, exp) = (seconds("iat")?, seconds("nbf")?, seconds("exp")?);
    match &claims["email_verified"] {
        Value::Null => return Err(MissingClaim("email_verified")),
        Value::Bool(true) => {}
        _ => return Err(InvalidClaim("email_verified")),
    }
    if text("subType")? != "user" {
        return Err(InvalidClaim("subType"));
    }
    if aud != "qlik.api/login/jwt-session" {
        return Err(BadToken("aud must be qlik.api/login/jwt-session"));
    }
    if exp.saturating_sub(nbf) > MAX_LIFETIME_S {
        return Err(InvalidClaim("exp"));
    }
    if now.saturating_add(tolerance) < nbf || now.saturating_add(tolerance) < iat {
        return Err(BadToken("the token is not valid yet"));
    }
    if now.saturating_sub(tolerance) >= exp {
        return Err(BadToken("the token has expired"));
    }
    let groups = match &claims["groups"] {
        Value::Null => Vec::new(),
        Value::Array(names) => names
            .iter()
            .map(|name| name.as_str().map(str::to_owned).ok_or(InvalidClaim("groups")))
            .collect::<Result<_, _>>()?,
        _ => return Err(InvalidClaim("groups")),
    };
    Ok(Claims { idp: idp.to_owned(), sub, name, email, jti, groups })
}
