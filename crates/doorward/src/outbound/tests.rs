use doorward_core::net::Cidrs;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::address::is_global;
use super::{Outbound, OutboundError};

#[test]
fn r118_addresses_inside_networks_are_known() {
    for inside in [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "fd00:ec2::254",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2001::1",
        "2001:db8::1",
        "ff02::1",
        "::ffff:127.0.0.1",
    ] {
        assert!(!is_global(inside.parse().unwrap()), "{inside}");
    }
    for outside in [
        "1.1.1.1",
        "8.8.8.8",
        "172.32.0.1",
        "2606:4700::1111",
        "2a00:1450::1",
    ] {
        assert!(is_global(outside.parse().unwrap()), "{outside}");
    }
}

fn client(allow: &[&str]) -> Outbound {
    Outbound::new(Cidrs::parse(allow.iter().copied()).unwrap(), None).unwrap()
}

/// Answers one connection with these bytes.
async fn answer_once(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 1024];
        let _read = stream.read(&mut head).await.unwrap();
        stream.write_all(bytes).await.unwrap();
    });
    format!("http://{address}/keys")
}

#[tokio::test]
async fn r118_private_addresses_and_plain_http_need_to_be_listed() {
    let url = "https://127.0.0.1:1/keys";
    assert!(matches!(
        client(&[]).get(url, 10).await,
        Err(OutboundError::Private(..))
    ));
    let url = "http://127.0.0.1:1/keys";
    assert!(matches!(
        client(&[]).get(url, 10).await,
        Err(OutboundError::Plain(..))
    ));
    assert!(matches!(
        client(&[]).get("https://a:secret@b/", 10).await,
        Err(OutboundError::UserInfo)
    ));
    for url in ["file:///etc/passwd", "https://127.1/", "ftp://a/", "/x", ""] {
        assert!(
            matches!(client(&[]).get(url, 10).await, Err(OutboundError::Url(..))),
            "{url}"
        );
    }
}

#[tokio::test]
async fn r018_size_status_and_redirects_are_bounded() {
    let client = client(&["127.0.0.0/8"]);
    let url = answer_once(
        b"HTTP/1.1 200 OK\r\ncache-control: public, max-age=60\r\ncontent-length: 2\r\n\r\n{}",
    )
    .await;
    let document = client.get(&url, 10).await.unwrap();
    assert_eq!(
        (document.body.as_ref(), document.max_age.unwrap().as_secs()),
        (&b"{}"[..], 60)
    );
    let url = answer_once(b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n01234567890").await;
    assert!(matches!(
        client.get(&url, 10).await,
        Err(OutboundError::TooLarge(10))
    ));
    let url = answer_once(
        b"HTTP/1.1 302 Found\r\nlocation: file:///etc/passwd\r\ncontent-length: 0\r\n\r\n",
    )
    .await;
    assert!(matches!(
        client.get(&url, 10).await,
        Err(OutboundError::Status(_))
    ));
    let url = answer_once(b"nonsense\r\n\r\n").await;
    assert!(matches!(
        client.get(&url, 10).await,
        Err(OutboundError::Http(_))
    ));
}
