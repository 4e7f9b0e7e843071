//! Bodies: large ones, slow ones, both ways at once; and what belongs to HTTP around them.

use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

use crate::curl;
use crate::door::{Door, Home, ONE_ROUTE};
use crate::peer::{Peer, header, httpbin, python, read_head};

const GIB: u64 = 1 << 30;

/// An upstream that takes any body and sends any number of bytes.
fn volume() -> (u16, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let taken = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&taken);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let count = Arc::clone(&count);
            std::thread::spawn(move || one_volume(stream, &count));
        }
    });
    (port, taken)
}

fn one_volume(mut stream: TcpStream, taken: &AtomicU64) {
    let mut reader = BufReader::with_capacity(256 * 1024, stream.try_clone().unwrap());
    while let Some(head) = read_head(&mut reader) {
        let number = |text: Option<&str>| text.and_then(|t| t.parse::<u64>().ok()).unwrap_or(0);
        let mut left = number(header(&head, "content-length"));
        let mut buffer = vec![0; 256 * 1024];
        while left > 0 {
            let want = buffer.len().min(usize::try_from(left).unwrap());
            let Ok(n) = reader.read(&mut buffer[..want]) else {
                return;
            };
            if n == 0 {
                return;
            }
            left -= n as u64;
            taken.fetch_add(n as u64, Ordering::Relaxed);
        }
        let path = head.split(' ').nth(1).unwrap();
        let mut size = number(path.strip_prefix("/bytes/"));
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n");
        if stream.write_all(head.as_bytes()).is_err() {
            return;
        }
        buffer.fill(b'x');
        while size > 0 {
            let n = buffer.len().min(usize::try_from(size).unwrap());
            if stream.write_all(&buffer[..n]).is_err() {
                return;
            }
            size -= n as u64;
        }
    }
}

/// Grown memory of a server while something goes on, in KiB; looked at again and again.
fn growth(door: &Door, work: impl FnOnce() + Send) -> u64 {
    let before = door.memory_kib();
    let mut most = before;
    std::thread::scope(|scope| {
        let working = scope.spawn(work);
        while !working.is_finished() {
            most = most.max(door.memory_kib());
            std::thread::sleep(Duration::from_millis(20));
        }
        working.join().unwrap();
    });
    most.saturating_sub(before)
}

/// A curl whose body is thrown away; prints status and counted bytes.
fn quiet_curl(door: &Door, path: &str, key: &str, version: &str) -> Command {
    let mut command = curl::command(Some(&door.ca()));
    command.args([version, "--max-time", "180", "-o", "/dev/null"]);
    command.args(["-w", "%{http_code} %{size_download} %{size_upload}"]);
    command.args(["-H", &format!("X-API-Key: {key}"), &door.url(path)]);
    command
}

fn volume_door() -> (Door, String, Arc<AtomicU64>) {
    let (port, taken) = volume();
    let home = Home::before(port, ONE_ROUTE);
    let key = home.key("orders:read");
    let door = home.serve();
    // The first call makes what is made once.
    assert_eq!(door.bearer("/bytes/1000", &key).body.len(), 1000);
    (door, key, taken)
}

#[test]
fn r109_a_gibibyte_comes_down_in_flat_memory() {
    let (door, key, _) = volume_door();
    for version in ["--http1.1", "--http2"] {
        let path = format!("/bytes/{GIB}");
        let grown = growth(&door, || {
            let out = quiet_curl(&door, &path, &key, version).output().unwrap();
            let said = String::from_utf8_lossy(&out.stdout).into_owned();
            assert_eq!(said, format!("200 {GIB} 0"), "{out:?}");
        });
        assert!(grown < 16 * 1024, "{version}: grew by {grown} KiB");
    }
}

#[test]
fn r109_a_gibibyte_goes_up_in_flat_memory() {
    let (door, key, taken) = volume_door();
    for version in ["--http1.1", "--http2"] {
        let before = taken.load(Ordering::Relaxed);
        // A file with a hole: no disk is used.
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(GIB).unwrap();
        let grown = growth(&door, || {
            let mut curl = quiet_curl(&door, "/take", &key, version);
            curl.arg("-T").arg(file.path());
            let out = curl.output().unwrap();
            let said = String::from_utf8_lossy(&out.stdout).into_owned();
            assert_eq!(said, format!("200 0 {GIB}"), "{out:?}");
        });
        assert_eq!(taken.load(Ordering::Relaxed) - before, GIB, "{version}");
        assert!(grown < 16 * 1024, "{version}: grew by {grown} KiB");
    }
}

#[test]
fn r109_a_slow_reader_holds_no_memory() {
    let (door, key, _) = volume_door();
    let grown = growth(&door, || {
        let mut curl = quiet_curl(&door, &format!("/bytes/{GIB}"), &key, "--http1.1");
        curl.args(["--limit-rate", "1M", "--max-time", "4"]);
        let _cut = curl.output().unwrap();
    });
    assert!(grown < 16 * 1024, "grew by {grown} KiB");
}

fn httpbin_door() -> Option<(Door, String)> {
    let home = Home::before(httpbin()?, ONE_ROUTE);
    let key = home.key("orders:read");
    Some((home.serve(), format!("X-API-Key: {key}")))
}

#[test]
fn r109_httpbin_answers_through_the_door_as_it_does_alone() {
    let Some((door, key)) = httpbin_door() else {
        return;
    };
    for version in ["--http1.1", "--http2"] {
        let call = |path: &str, args: &[&str]| {
            let all = [&[version, "-H", &key][..], args].concat();
            door.curl(path, &all)
        };
        let posted = call(
            "/post?a=%C3%A9&b=1+2",
            &["--data-binary", "hello=w%C3%B6rld"],
        );
        let body: Value = posted.json();
        assert_eq!(body["form"]["hello"], "w\u{f6}rld", "{body}");
        assert_eq!(body["args"]["a"], "\u{e9}", "{body}");
        assert_eq!(body["args"]["b"], "1 2", "{body}");
        for code in [200, 201, 204, 301, 304, 404, 418, 500] {
            assert_eq!(call(&format!("/status/{code}"), &[]).status, code);
        }
        for method in ["PUT", "PATCH", "DELETE"] {
            let path = format!("/{}", method.to_lowercase());
            let got = call(&path, &["-X", method, "-d", "x=1"]);
            assert_eq!(got.json()["form"]["x"], "1", "{method}");
        }
        let ranged = call("/range/1000", &["-r", "10-19"]);
        assert_eq!(ranged.status, 206);
        assert_eq!(ranged.one("content-range"), "bytes 10-19/1000");
        assert_eq!(ranged.text(), "klmnopqrst");
        let head = call("/bytes/777", &["-I"]);
        assert_eq!((head.status, head.one("content-length")), (200, "777"));
        assert!(head.body.is_empty());
        let zipped = call("/gzip", &["--compressed"]);
        assert_eq!(zipped.json()["gzipped"], true);
        let cookies = call("/cookies/set?a=1&b=2", &[]);
        assert_eq!(cookies.all("set-cookie").len(), 2, "{cookies:?}");
        let sent = call("/cookies", &["-H", "Cookie: a=1; b=2"]);
        assert_eq!(sent.json()["cookies"]["b"], "2");
        let etag = call("/etag/abc", &["-H", "If-None-Match: \"abc\""]);
        assert_eq!(etag.status, 304);
        let streamed = call("/stream/20", &[]);
        assert_eq!(streamed.text().lines().count(), 20);
        let chunked = [
            "-X",
            "POST",
            "-H",
            "Transfer-Encoding: chunked",
            "-d",
            "x=chunks",
        ];
        let chunked = if version == "--http2" {
            &chunked[4..]
        } else {
            &chunked
        };
        assert_eq!(call("/post", chunked).json()["form"]["x"], "chunks");
        let expects = ["-H", "Expect: 100-continue", "-d", "x=waited"];
        assert_eq!(call("/post", &expects).json()["form"]["x"], "waited");
    }
}

#[test]
fn r109_a_refused_upload_is_answered_before_it_is_sent() {
    let Some((door, _)) = httpbin_door() else {
        return;
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(GIB).unwrap();
    let mut curl = quiet_curl(&door, "/post", "dw_sk_live_wrong", "--http1.1");
    curl.args(["-X", "POST", "-H", "Expect: 100-continue"]);
    curl.args(["--expect100-timeout", "20", "-T"]);
    let out = curl.arg(file.path()).output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(said.starts_with("401 ") && said.ends_with(" 0"), "{said}");
}

#[test]
fn r109_events_arrive_one_by_one() {
    let (to_door, events) = mpsc::channel::<&'static str>();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        read_head(&mut reader).unwrap();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        for event in events {
            let text = format!("data: {event}\n\n");
            let chunk = format!("{:x}\r\n{text}\r\n", text.len());
            stream.write_all(chunk.as_bytes()).unwrap();
        }
        stream.write_all(b"0\r\n\r\n").unwrap();
    });
    let home = Home::before(port, ONE_ROUTE);
    let key = home.key("orders:read");
    let door = home.serve();
    let mut command = curl::command(Some(&door.ca()));
    command.args([
        "-N",
        "-H",
        &format!("X-API-Key: {key}"),
        &door.url("/events"),
    ]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    for event in ["one", "two", "three"] {
        // The next event is not sent before this one has arrived.
        to_door.send(event).unwrap();
        let mut text = vec![0; "data: \n\n".len() + event.len()];
        out.read_exact(&mut text).unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            format!("data: {event}\n\n")
        );
    }
    drop(to_door);
    assert!(child.wait().unwrap().success());
}

#[test]
fn r109_trailers_pass() {
    let upstream = crate::peer::Recorder::answering(|_| {
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: grpc-status\r\n\r\n\
          3\r\nabc\r\n0\r\ngrpc-status: 7\r\n\r\n"
            .to_vec()
    });
    let home = Home::before(upstream.port, ONE_ROUTE);
    let key = home.key("orders:read");
    let door = home.serve();
    for version in ["--http1.1", "--http2"] {
        let mut curl = curl::command(Some(&door.ca()));
        curl.args([version, "-D", "-", "-H", &format!("X-API-Key: {key}")]);
        let out = curl.args(["-H", "TE: trailers", &door.url("/x")]).output();
        let got = String::from_utf8_lossy(&out.unwrap().stdout).to_lowercase();
        let (head, rest) = got.split_once("\r\n\r\n").unwrap();
        assert!(!head.contains("grpc-status: 7"), "{version} {got}");
        assert!(rest.contains("grpc-status: 7"), "{version} {got}");
        assert!(rest.contains("abc"), "{version} {got}");
    }
}

#[test]
fn r109_g21_websockets_pass_for_known_callers_only() {
    let Some(python) = python() else { return };
    let mut echo = Peer::python(include_str!("python/websocket.py"), &[]).unwrap();
    let port: u16 = echo.line().parse().unwrap();
    let home = Home::before(port, ONE_ROUTE);
    let key = home.key("orders:read");
    let other = home.key("nothing");
    let door = home.serve();
    let call = |credential: &str| -> Value {
        let mut client = Command::new(&python);
        client.args(["-c", include_str!("python/websocket_client.py")]);
        let url = door.url("/ws").replace("https:", "wss:");
        client.arg(url).arg(door.ca()).arg(credential);
        let out = client.output().unwrap();
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        serde_json::from_str(&said)
            .unwrap_or_else(|_| panic!("{said} {}", String::from_utf8_lossy(&out.stderr)))
    };
    assert_eq!(call(&key)["same"], serde_json::json!([true, true, true]));
    assert_eq!(call("")["status"], 401);
    assert_eq!(call("dw_sk_live_wrong")["status"], 401);
    assert_eq!(call(&other)["status"], 403);
    let revoked = door.key_with(&["--name", "r", "--scope", "orders:read"]);
    door.json(&["key", "revoke", &revoked.1]);
    assert_eq!(call(&revoked.0)["status"], 401);
}

#[test]
fn r116_a_body_over_the_routes_limit_is_refused() {
    let upstream = crate::peer::Recorder::start();
    let route = "[[route]]\npath = \"/{*p}\"\nscopes = [\"orders:read\"]\nmax_body = 1000\n";
    let home = Home::before(upstream.port, route);
    let key = home.key("orders:read");
    let door = home.serve();
    let key = format!("X-API-Key: {key}");
    let send = |size: usize, chunked: bool| {
        let body = "x".repeat(size);
        let mut args = vec!["--http1.1", "-H", &key, "--data-binary", &body];
        if chunked {
            args.extend(["-H", "Transfer-Encoding: chunked"]);
        }
        door.curl("/x", &args).status
    };
    assert_eq!(send(1000, false), 200);
    assert_eq!(send(1001, false), 413);
    assert_eq!(
        upstream.heads().len(),
        1,
        "it was announced, and so not begun"
    );
    assert_eq!(send(1001, true), 413);
    // Who may not call learns nothing of limits.
    let body = "x".repeat(2000);
    assert_eq!(door.curl("/x", &["--data-binary", &body]).status, 401);
}
