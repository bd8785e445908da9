//! What a tenant administrator sets up: web integrations, identity providers,
//! session limits.

use jiff::SignedDuration;
use qlik::{ErrorKind, NewJwtIdp, SessionLimits};

use crate::scene::{ISSUER, Scene};

#[tokio::test]
async fn a_web_integration_is_made_changed_found_and_deleted() {
    let scene = Scene::new().await;
    let tenant = scene.tenant(&scene.ada);
    let one = ["https://portal.example".to_owned()];
    let made = tenant.create_web_integration("Portal", &one).await.unwrap();
    assert_eq!((made.name.as_str(), made.valid_origins.as_slice()), ("Portal", one.as_slice()));

    let two = ["https://portal.example:8443".to_owned(), "http://localhost:3000".to_owned()];
    tenant.set_web_integration_origins(&made.id, &two).await.unwrap();
    assert_eq!(tenant.web_integration(&made.id).await.unwrap().valid_origins, two);
    for n in 0..110 {
        scene.world.add_web_integration(&scene.acme, &format!("w{n}"), ["https://x.example"]);
    }
    assert_eq!(tenant.web_integrations().await.unwrap().len(), 111);

    tenant.delete_web_integration(&made.id).await.unwrap();
    let gone = tenant.web_integration(&made.id).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    assert!(gone.trace_id().is_some());
}

#[tokio::test]
async fn a_jwt_identity_provider_is_made_from_a_certificate_and_deleted() {
    let scene = Scene::new().await;
    let tenant = scene.tenant(&scene.ada);
    let (identity, certificate) = scene.identity();
    let new = NewJwtIdp {
        description: "Portal".into(),
        tenant_id: Some(scene.acme.id.clone()),
        issuer: ISSUER.into(),
        kid: identity.kid().into(),
        certificate_pem: certificate.pem.clone(),
        clock_tolerance_sec: 5,
    };
    let made = tenant.create_jwt_identity_provider(&new).await.unwrap();
    assert_eq!((made.protocol.as_str(), made.issuer.as_deref()), ("jwtAuth", Some(ISSUER)));
    assert_eq!(made.keys[0].kid, identity.kid());
    assert!(!made.keys[0].pem.contains('\n'), "on one line");
    assert_eq!(made.clock_tolerance_sec, Some(5));
    assert_eq!(tenant.identity_provider(&made.id).await.unwrap(), made);
    assert_eq!(tenant.identity_providers().await.unwrap().len(), 1);

    let again = tenant.create_jwt_identity_provider(&new).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Conflict);
    assert!(!again.may_have_happened());
    let empty = NewJwtIdp { kid: " ".into(), ..new };
    let empty = tenant.create_jwt_identity_provider(&empty).await.unwrap_err();
    assert_eq!((empty.kind(), empty.status()), (ErrorKind::BadRequest, None));

    tenant.delete_identity_provider(&made.id).await.unwrap();
    assert!(scene.world.idps(&scene.acme).is_empty());
}

#[tokio::test]
async fn others_may_not() {
    let scene = Scene::new().await;
    scene.world.set_manage_api_keys(&scene.bea, true);
    let tenant = scene.tenant(&scene.bea);
    let forbidden = |error: qlik::Error| assert_eq!(error.kind(), ErrorKind::Forbidden, "{error}");
    forbidden(tenant.create_web_integration("x", &[]).await.unwrap_err());
    forbidden(tenant.identity_providers().await.unwrap_err());
    forbidden(tenant.auth_settings().await.unwrap_err());
}

#[tokio::test]
async fn session_limits_are_the_tenants_own_or_qliks_defaults() {
    let scene = Scene::new().await;
    let tenant = scene.tenant(&scene.ada);
    assert_eq!(tenant.auth_settings().await.unwrap(), SessionLimits::default());
    scene.world.set_session_limits(&scene.acme, 15, 600);
    let expected = SessionLimits { idle: SignedDuration::from_mins(15), max: SignedDuration::from_hours(10) };
    assert_eq!(tenant.auth_settings().await.unwrap(), expected);
}
