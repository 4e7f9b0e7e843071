//! No refusal is ever understood as a pass.

use super::*;

#[test]
fn g24_no_refusal_of_any_status_allows_in_any_family() {
    for number in 100..=999 {
        let wanted = StatusCode::from_u16(number).unwrap();
        let answered = |family: Family| {
            let mut refusal = Response::new(Bytes::new());
            *refusal.status_mut() = wanted;
            let answer = family.answer(Verdict::Refused(None, refusal));
            let hint = answer
                .headers()
                .get(STATUS)
                .map(|hint| hint.to_str().unwrap().to_owned());
            assert_eq!(hint.is_some(), answer.status() != wanted);
            assert!(hint.is_none_or(|hint| hint == number.to_string()));
            answer.status().as_u16()
        };
        assert!(
            [401, 403, 503].contains(&answered(Family::ThreeWay)),
            "{number}"
        );
        assert!((400..600).contains(&answered(Family::Relayed)), "{number}");
        for removes in [true, false] {
            let exact = answered(Family::ExactOk { removes });
            assert!(exact == 204 || (400..500).contains(&exact), "{number}");
        }
    }
}

#[test]
fn r113_challenges_survive_a_server_that_relays_one_line() {
    let mut refusal = Response::new(Bytes::new());
    *refusal.status_mut() = StatusCode::UNAUTHORIZED;
    for challenge in ["Bearer realm=\"a\"", "Basic realm=\"a\""] {
        let challenge = HeaderValue::from_static(challenge);
        refusal.headers_mut().append(WWW_AUTHENTICATE, challenge);
    }
    let answer = Family::ThreeWay.answer(Verdict::Refused(None, refusal));
    let lines: Vec<_> = answer.headers().get_all(WWW_AUTHENTICATE).iter().collect();
    assert_eq!(lines, ["Bearer realm=\"a\", Basic realm=\"a\""]);
}
