use tokio::io::AsyncWriteExt;

use crate::harness::*;

/// Requests whose end two servers may see in different places.
const AMBIGUOUS: &[&str] = &[
    "POST /public HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /public HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "POST /public HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "GET /public HTTP/1.1\nHost: a\n\n",
    "GET /public HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
    "GET /public HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
    "GET /public HTTP/1.1\r\nHost : a\r\n\r\n",
    "POST /public HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a\nb\r\nhello\r\n0\r\n\r\n",
    "POST /public HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n",
    "POST /public HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "POST /public HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
    "POST /public HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello",
    "POST /public HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello",
    "POST /public HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "POST /public HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
    "POST /public HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "POST /public HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "POST /public HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "POST /public HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "GET /public HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
    "GET /public HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
    "GET /public HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "GET /public HTTP/1.1\r\n\r\n",
    "GET http://b/public HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /public#frag HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /pub lic HTTP/1.1\r\nHost: a\r\n\r\n",
    "TRACE /public HTTP/1.1\r\nHost: a\r\n\r\n",
    "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /public HTTP/1.1\r\nHost: a\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n",
];

#[tokio::test]
async fn r103_ambiguous_requests_are_refused_and_never_become_two() {
    let behind = echo().await;
    let proxy = Setup::to(behind.address).start();
    for sent in AMBIGUOUS {
        // Whatever a laxer reader would take for a second request.
        let smuggled =
            format!("{sent}GET /public/smuggled HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let answer = proxy.send(&smuggled).await;
        assert_eq!(status(&answer), 400, "{sent:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{sent:?}: {answer}");
        // The same, byte by byte, after a good request on the same connection.
        let mut client = proxy.connect().await;
        client.set_nodelay(true).unwrap();
        let good = "GET /public HTTP/1.1\r\nHost: a\r\n\r\n";
        client.write_all(good.as_bytes()).await.unwrap();
        read_until(&mut client, "x-doorward-decision").await;
        for byte in smuggled.as_bytes().chunks(1) {
            if client.write_all(byte).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let answer = read_all(&mut client).await;
        assert!(!answer.contains("smuggled"), "{sent:?}: {answer}");
    }
}

#[tokio::test]
async fn g31_odd_requests_do_not_end_the_listener() {
    let behind = echo().await;
    let proxy = Setup::to(behind.address).start();
    for sent in [
        "\r\n\r\n\r\n",
        "\0",
        "GET",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nxxxxxxxxxxxxx",
    ] {
        let mut client = proxy.connect().await;
        client.write_all(sent.as_bytes()).await.unwrap();
        drop(client);
    }
    assert_eq!(status(&proxy.get("/public", "").await), 200);
}
