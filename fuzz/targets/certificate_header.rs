//! Headers in which terminators write certificates: the first byte chooses the form.

use doorward_crypto::proof::certificate_header::HeaderForm;
use http::{HeaderMap, HeaderValue};

/// What is read is a short chain, and the same header twice is never read.
pub(super) fn run(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let forms = HeaderForm::ALL;
    let Some((_, form)) = forms.get(usize::from(*first) % forms.len()) else {
        return;
    };
    let Ok(value) = HeaderValue::from_bytes(rest) else {
        return;
    };
    let mut headers = HeaderMap::new();
    headers.append(form.header(), value.clone());
    let read = form.read(&headers);
    if let Ok(Some(chain)) = &read {
        assert!((1..=8).contains(&chain.len()));
        assert!(chain.iter().all(|der| !der.is_empty()));
    }
    headers.append(form.header(), value);
    assert!(form.read(&headers).is_err());
}
