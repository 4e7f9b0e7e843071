//! OAuth clients: added, given new secrets, removed.

use anyhow::{Context, Result, anyhow, bail, ensure};
use doorward_core::{Secret, Timestamp};
use doorward_oauth::client_auth::secret;
use doorward_store::{ClientId, ClientRecord, StoreError, UserName};
use http::Uri;

use super::Desk;

/// A client whose secret was just made.
pub struct WithSecret {
    /// The record.
    pub record: ClientRecord,
    /// The secret, where one was made. It is not kept in the open anywhere else.
    pub secret: Option<Secret<String>>,
}

impl Desk {
    /// Adds a client. With `wants_secret` one is made.
    ///
    /// # Errors
    /// When it cannot be used, its id is taken, or the store cannot take it.
    pub async fn add_client(&self, new: ClientRecord, wants_secret: bool) -> Result<WithSecret> {
        check(&new)?;
        self.refuse_user_name(&new.id).await?;
        let (mut record, mut made) = (new, None);
        if wants_secret {
            let drawn = secret::draw(self.entropy.as_ref());
            record.secret = Some(secret::record(
                &self.state.secrets.peppers,
                &record.id,
                &drawn,
            ));
            made = Some(drawn);
        }
        // Read as the running server will read it.
        doorward_oauth::Client::from_record(record.clone())?;
        let stored = self.state.store.clients().add(record.clone()).await;
        let stored = stored.map_err(|error| match error {
            StoreError::Conflict { .. } => anyhow!(
                "a client has the id {} already; choose another, or remove that one",
                record.id
            ),
            other => other.into(),
        });
        self.record("add", "client", record.id.as_str(), stored)?;
        Ok(WithSecret {
            record,
            secret: made,
        })
    }

    /// SECURITY: a client that acts for itself is the subject of its tokens, and users are
    /// subjects as well (RFC 9068 section 5): one must not be taken for the other.
    async fn refuse_user_name(&self, id: &ClientId) -> Result<()> {
        if let Ok(name) = UserName::parse(id.as_str())
            && self.state.store.users().lookup(&name).await?.is_some()
        {
            bail!("{id} is the name of a user: a client's tokens would pass for the user's");
        }
        Ok(())
    }

    /// The same, for a user who is to be added.
    ///
    /// # Errors
    /// When a client has the name as its id.
    pub async fn refuse_client_id(&self, name: &UserName) -> Result<()> {
        if let Ok(id) = ClientId::parse(name.as_str())
            && self.state.store.clients().lookup(&id).await?.is_some()
        {
            bail!("{id} is the id of a client: its tokens would pass for the user's");
        }
        Ok(())
    }

    /// Gives a client a new secret; the old one works until `old_expires_at`.
    ///
    /// # Errors
    /// When there is no such client, it has no secret, or the store fails.
    pub async fn rotate_client(&self, id: &str, old_expires_at: Timestamp) -> Result<WithSecret> {
        let record = self.load_client(id).await?;
        ensure!(
            record.secret.is_some(),
            "the client {id} has no secret to rotate"
        );
        let drawn = secret::draw(self.entropy.as_ref());
        let new = secret::record(&self.state.secrets.peppers, &record.id, &drawn);
        let clients = self.state.store.clients();
        let rotated = clients.rotate_secret(&record.id, new, old_expires_at).await;
        let rotated = rotated.map_err(anyhow::Error::from);
        let done = rotated.and_then(|done| done.then_some(()).context("the client is gone"));
        self.record("rotate", "client", record.id.as_str(), done)?;
        Ok(WithSecret {
            record: self.load_client(id).await?,
            secret: Some(drawn),
        })
    }

    /// Removes a client.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub async fn remove_client(&self, id: &str) -> Result<ClientRecord> {
        let record = self.load_client(id).await?;
        let removed = self.state.store.clients().remove(&record.id).await;
        let removed = removed.map_err(anyhow::Error::from);
        self.record("remove", "client", record.id.as_str(), removed)?;
        Ok(record)
    }

    /// Loads a client's record.
    ///
    /// # Errors
    /// When there is none.
    pub async fn load_client(&self, id: &str) -> Result<ClientRecord> {
        let found = match ClientId::parse(id) {
            Ok(id) => self.state.store.clients().lookup(&id).await?,
            Err(_) => None,
        };
        found.with_context(|| format!("no client has the id {id:?}; see `doorward client list`"))
    }
}

fn check(new: &ClientRecord) -> Result<()> {
    ensure!(
        !new.name.is_empty()
            && new.name.chars().count() <= 80
            && !new.name.contains(char::is_control),
        "the name of a client is 1 to 80 characters without control characters"
    );
    ensure!(
        new.redirect_uris.len() <= 32,
        "a client has at most 32 redirect URIs"
    );
    for uri in &new.redirect_uris {
        check_redirect_uri(uri)?;
    }
    for resource in &new.audiences {
        ensure!(
            is_resource(resource) || ClientId::parse(resource).is_ok(),
            "{resource:?} is not a resource: write a URI without a fragment, or the id of the \
             client that is the resource server"
        );
    }
    Ok(())
}

/// SECURITY: `javascript:`, `data:` and the like run where a browser follows them; a fragment or
/// user info is read differently by different parsers.
fn check_redirect_uri(text: &str) -> Result<()> {
    let graphic = text.bytes().all(|byte| byte.is_ascii_graphic());
    ensure!(
        graphic && text.len() <= 512 && !text.contains(['#', '\\', '@', '*', '"', '<', '>', '\'']),
        "{text:?} is not a redirect URI: at most 512 visible ASCII characters, without #, \\, @, \
         *, quotes and angle brackets"
    );
    let (scheme, rest) = text
        .split_once(':')
        .context("a redirect URI has a scheme")?;
    let host = || {
        let uri: Option<Uri> = text.parse().ok();
        uri.and_then(|uri| uri.host().map(str::to_owned))
    };
    match scheme {
        "https" => ensure!(
            rest.starts_with("//") && host().is_some(),
            "{text:?} has no host"
        ),
        "http" => ensure!(
            host().is_some_and(|host| ["127.0.0.1", "[::1]", "localhost"].contains(&host.as_str())),
            "{text:?}: a redirect over plain http may only go to 127.0.0.1, [::1] or localhost"
        ),
        // RFC 8252 section 7.1: a private scheme is a reversed domain name, so it has a dot.
        private => ensure!(
            private.contains('.')
                && private
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-+".contains(&b)),
            "{text:?}: a redirect goes to https, to http on this machine, or to a private scheme \
             of an app with a dot in it, such as com.example.app:/callback"
        ),
    }
    Ok(())
}

fn is_resource(text: &str) -> bool {
    let graphic = text.bytes().all(|byte| byte.is_ascii_graphic());
    let scheme = text.split_once(':').map(|(scheme, _)| scheme);
    let named = scheme.is_some_and(|scheme| {
        !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric())
    });
    graphic && named && text.len() <= 512 && !text.contains('#')
}

#[cfg(test)]
mod tests {
    use super::check_redirect_uri;

    #[test]
    fn i03_r057_only_addresses_that_are_safe_to_go_to_can_be_registered() {
        for good in [
            "https://shop.example/callback",
            "https://shop.example:8443/cb?x=1",
            "http://127.0.0.1/cb",
            "http://[::1]:9000/cb",
            "http://localhost:3000/cb",
            "com.example.app:/callback",
        ] {
            check_redirect_uri(good).unwrap();
        }
        for bad in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "https://shop.example/#x",
            "https://u@shop.example/",
            "https://*.shop.example/",
            "https://",
            "https:shop.example",
            "http://shop.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://localhost.evil.example/cb",
            "https://shop.example\\@evil.example/",
            "/callback",
            "",
            "https://shop.example/\n",
            "https://shop.example/a b",
        ] {
            assert!(check_redirect_uri(bad).is_err(), "{bad:?}");
        }
    }
}
