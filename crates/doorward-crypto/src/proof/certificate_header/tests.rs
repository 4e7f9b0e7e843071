use http::{HeaderMap, HeaderValue};

use super::{HeaderForm, MalformedHeader};

/// `MAA=`: an empty sequence, which is enough here: nobody has judged it yet.
const ONE: &str = "MAA=";
const TWO: &str = "MAEA";
const PEM: &str = "-----BEGIN%20CERTIFICATE-----%0AMAA%3D%0A-----END%20CERTIFICATE-----%0A";

type Read = Result<Option<Vec<Vec<u8>>>, MalformedHeader>;

fn read(form: HeaderForm, sent: &[(&'static str, &str)]) -> Read {
    let mut headers = HeaderMap::new();
    for (name, value) in sent {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    form.read(&headers)
}

fn one() -> Read {
    Ok(Some(vec![vec![0x30, 0]]))
}

#[test]
fn every_form_is_read() {
    let both: Read = Ok(Some(vec![vec![0x30, 0], vec![0x30, 1, 0]]));
    let rfc = HeaderForm::Rfc9440;
    assert_eq!(read(rfc, &[("client-cert", ":MAA=:")]), one());
    let chain = [("client-cert", ":MAA=:"), ("client-cert-chain", ":MAEA:")];
    assert_eq!(read(rfc, &chain), both);
    assert_eq!(read(HeaderForm::Nginx, &[("ssl-client-cert", PEM)]), one());
    let alb = [("x-amzn-mtls-clientcert-leaf", PEM)];
    assert_eq!(read(HeaderForm::AwsAlb, &alb), one());
    assert_eq!(
        read(HeaderForm::Haproxy, &[("x-ssl-client-cert", ONE)]),
        one()
    );
    for value in ["MAA=,MAEA", "MAA%3D,MAEA", "MAA%3D%2CMAEA"] {
        let sent = [("x-forwarded-tls-client-cert", value)];
        assert_eq!(read(HeaderForm::Traefik, &sent), both);
    }
    for value in [
        format!("Cert=\"{PEM}\""),
        format!(
            "By=spiffe://a/b;Hash=468e;Cert=\"{PEM}\";Subject=\"/C=US/O=A, Inc\";URI=spiffe://a/c"
        ),
        format!("Hash=468e;Chain=\"{PEM}\";URI=a;URI=b;DNS=c;DNS=d"),
        format!("cert={PEM}"),
    ] {
        let sent = [("x-forwarded-client-cert", value.as_str())];
        assert_eq!(read(HeaderForm::Envoy, &sent), one(), "{value}");
    }
}

#[test]
fn r036_what_the_terminator_did_not_write_is_not_read() {
    for (_, form) in HeaderForm::ALL {
        assert_eq!(read(form, &[]), Ok(None));
        assert_eq!(read(form, &[(form.header(), "")]), Ok(None));
        for (_, other) in HeaderForm::ALL.iter().filter(|(_, other)| *other != form) {
            assert_eq!(read(form, &[(other.header(), PEM)]), Ok(None));
        }
        let twice = [(form.header(), PEM), (form.header(), PEM)];
        assert_eq!(read(form, &twice), Err(MalformedHeader));
        let long = "A".repeat(60_000);
        assert_eq!(read(form, &[(form.header(), &long)]), Err(MalformedHeader));
    }
    // A chain alone says nothing about who calls.
    assert_eq!(
        read(HeaderForm::Rfc9440, &[("client-cert-chain", ":MAA=:")]),
        Ok(None)
    );
}

#[test]
fn r036_a_header_that_can_be_read_in_two_ways_is_refused() {
    for (form, value) in [
        (HeaderForm::Rfc9440, ONE),
        (HeaderForm::Rfc9440, ":MAA=:, :MAEA:"),
        (HeaderForm::Rfc9440, ":MAA=:;a=b"),
        (HeaderForm::Rfc9440, "::"),
        (HeaderForm::Rfc9440, ":"),
        (HeaderForm::Rfc9440, ":MAA:"),
        (HeaderForm::Nginx, ONE),
        (HeaderForm::Nginx, "-----BEGIN%20CERTIFICATE-----%0AMAA%3D"),
        (
            HeaderForm::Nginx,
            "-----BEGIN%20PRIVATE%20KEY-----MAA%3D-----END%20PRIVATE%20KEY-----",
        ),
        (HeaderForm::Nginx, "%"),
        (HeaderForm::Nginx, "%2"),
        (HeaderForm::Nginx, "%zz"),
        (HeaderForm::Nginx, "(null)"),
        (HeaderForm::Traefik, "MAA=,"),
        (HeaderForm::Traefik, ",MAA="),
        (HeaderForm::Haproxy, "MAA=,MAA="),
        (HeaderForm::Haproxy, "M A A ="),
        (HeaderForm::Envoy, "Hash=468e"),
        (HeaderForm::Envoy, "By=a"),
        (HeaderForm::Envoy, "nonsense"),
    ] {
        let found = read(form, &[(form.header(), value)]);
        assert_eq!(found, Err(MalformedHeader), "{form:?} {value}");
    }
    let cert = format!("Cert=\"{PEM}\"");
    let other = PEM.replace("MAA%3D", TWO);
    for value in [
        // Two elements: the first may be the caller's own.
        format!("{cert},{cert}"),
        format!("Hash=1,{cert}"),
        format!("{cert},"),
        format!("{cert};"),
        format!("{cert};{cert}"),
        format!("{cert};Chain=\"{other}\""),
        format!("{cert}x"),
        format!("Subject=\"a\\\";Cert=\\\"b\";{cert}"),
        format!("Evil=1;{cert}"),
        format!("Cert=\"{PEM}"),
        format!("Cert=\"{PEM}{PEM}\""),
    ] {
        let sent = [("x-forwarded-client-cert", value.as_str())];
        assert_eq!(
            read(HeaderForm::Envoy, &sent),
            Err(MalformedHeader),
            "{value}"
        );
    }
    let nine = [":MAA=:"; 9].join(",");
    let sent = [
        ("client-cert", ":MAA=:"),
        ("client-cert-chain", nine.as_str()),
    ];
    assert_eq!(read(HeaderForm::Rfc9440, &sent), Err(MalformedHeader));
    let two = [
        ("client-cert", ":MAA=:"),
        ("client-cert-chain", ":MAA=:"),
        ("client-cert-chain", ":MAA=:"),
    ];
    assert_eq!(read(HeaderForm::Rfc9440, &two), Err(MalformedHeader));
}
