//! One order, from asking to the certificate (RFC 8555 section 7.4).

use std::sync::Arc;
use std::time::Duration;

use doorward_core::Entropy;
use doorward_crypto::proof::certificate_request::certificate_request;
use doorward_proxy::{ChallengeAnswer, HostCertificates};
use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeType, Identifier, NewOrder,
    Order, OrderStatus, RetryPolicy,
};

use super::failure::Failure;
use super::kept::Obtained;

/// How the authority is asked whether it is done.
const POLLING: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(250))
    .backoff(1.5)
    .timeout(Duration::from_secs(120));

/// Orders a certificate for one host with a new key.
pub(super) async fn place(
    account: &Account,
    host: &str,
    (hosts, entropy): (&Arc<HostCertificates>, &dyn Entropy),
    replaces: Option<CertificateIdentifier<'_>>,
) -> Result<Obtained, Failure> {
    let identifiers = [Identifier::Dns(host.to_owned())];
    let mut wanted = NewOrder::new(&identifiers);
    if let Some(name) = replaces {
        wanted = wanted.replaces(name);
    }
    let order = account.new_order(&wanted).await;
    let mut order = order.map_err(|error| Failure::of(&error))?;
    let failed = |error| Failure::of(&error).ordered();
    let answer = answer(&mut order, host, hosts).await?;
    let status = order.poll_ready(&POLLING).await;
    let status = match (status, answer.is_some()) {
        (Ok(status), _) => status,
        (Err(error), false) => return Err(failed(error)),
        (Err(error), true) => return Err(explained(&mut order, failed(error), host).await),
    };
    if status == OrderStatus::Invalid {
        let refused = Failure::before("the authority refused the order").ordered();
        return Err(explained(&mut order, refused, host).await);
    }
    // From here on nobody needs to see the challenge's answer.
    drop(answer);
    let request = certificate_request(host, entropy)?;
    order.finalize_csr(&request.der).await.map_err(failed)?;
    let chain = order.poll_certificate(&POLLING).await.map_err(failed)?;
    Ok(Obtained {
        chain,
        key: request.key,
    })
}

/// Answers the challenge, where the authority does not know yet that the host is ours.
async fn answer(
    order: &mut Order,
    host: &str,
    hosts: &Arc<HostCertificates>,
) -> Result<Option<ChallengeAnswer>, Failure> {
    let failed = |error| Failure::of(&error).ordered();
    let strange = |what: &str| Failure::before(format!("the authority {what}")).ordered();
    let mut authorizations = order.authorizations();
    let mut answered = None;
    let mut seen = false;
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(failed)?;
        // SECURITY: the answer proves that a host is ours, so it is given for that host only.
        let is_ours = match authorization.identifier().identifier {
            Identifier::Dns(name) => name.eq_ignore_ascii_case(host),
            _ => false,
        };
        if !is_ours || seen {
            return Err(strange(
                "asks for the proof of something that was not ordered",
            ));
        }
        seen = true;
        match authorization.status {
            AuthorizationStatus::Valid => continue,
            AuthorizationStatus::Pending => {}
            _ => return Err(strange("has an authorization that is over")),
        }
        let mut challenge = authorization
            .challenge(ChallengeType::TlsAlpn01)
            .ok_or_else(|| strange("offers no tls-alpn-01 challenge"))?;
        let digest = challenge.key_authorization().digest();
        let digest = <[u8; 32]>::try_from(digest.as_ref())
            .map_err(|_| strange("has a digest of another size"))?;
        answered = Some(hosts.answer_challenge(host, &digest)?);
        challenge.set_ready().await.map_err(failed)?;
    }
    Ok(answered)
}

/// Adds what the authority found when it looked for the challenge's answer.
async fn explained(order: &mut Order, failure: Failure, host: &str) -> Failure {
    let mut authorizations = order.authorizations();
    let mut found = None;
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else {
            break;
        };
        let mut errors = state.challenges.iter().filter_map(|it| it.error.as_ref());
        found = errors.next().map(ToString::to_string);
    }
    let found = found.map_or_else(String::new, |found| format!(" ({found})"));
    Failure::before(format!(
        "{failure}{found}; the authority must reach this listener at port 443 of {host}"
    ))
    .ordered()
}
