//! CSRF tokens of cookie sessions: <https://qlik.dev/apis/rest/csrf-token>.

use http::StatusCode;

use crate::client::Tenant;
use crate::credential::CSRF;
use crate::error::Error;
use crate::secret::CsrfToken;
use crate::transport::Request;

const READ: &str = "GET /api/v1/csrf-token";

impl Tenant {
    /// The session's CSRF token; none where the tenant has none to give, or the
    /// credential is a key, which needs none.
    ///
    /// # Errors
    ///
    /// What every call can give.
    pub async fn csrf_token(&self) -> Result<Option<CsrfToken>, Error> {
        // It is in a header; the body is empty.
        let answer = Box::pin(self.call(Request::get(READ, "/api/v1/csrf-token"))).await?;
        if matches!(answer.status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND) {
            return Ok(None);
        }
        let answer = answer.success()?;
        let token = answer.headers.get(CSRF).and_then(|v| v.to_str().ok()).filter(|t| !t.is_empty());
        Ok(token.map(CsrfToken::new))
    }
}
