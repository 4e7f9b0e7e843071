//! Revocation lists, and sessions that outlive what they were made with.

use super::pki::{Ca, Client, call, reason, san_uri};
use crate::door::{Door, Home};
use crate::peer::Recorder;
use crate::wait::until;

const CONFIG: &str = r#"
[listener.main]
address = "127.0.0.1:0"
client_certificates = "optional"
client_ca = "clients"
[client_ca.clients]
file = "clients.pem"
crl = ["clients.crl"]
{stale}
[admin]
enabled = false
[issuer]
url = "https://door.example"
[state]
dir = "data"
[log]
decisions = "decisions.jsonl"
[upstream.default]
url = "http://127.0.0.1:{upstream}"
[[client_certificate]]
uri = "urn:example:billing"
subject = "billing"
scopes = []
[[route]]
path = "/mtls"
accept = ["mtls"]
scopes = []
"#;

fn world(stale: &str, list: impl FnOnce(&Ca) -> String) -> (Door, Recorder, Ca) {
    let upstream = Recorder::start();
    let config = CONFIG.replace("{upstream}", &upstream.port.to_string());
    let home = Home::new(&config.replace("{stale}", stale));
    let ca = Ca::new("Clients");
    home.write("clients.pem", &ca.pem);
    home.write("clients.crl", &list(&ca));
    (home.serve(), upstream, ca)
}

fn leaf(ca: &Ca, serial: u8) -> super::pki::Pair {
    ca.leaf(serial, |params| {
        params.subject_alt_names = vec![san_uri("urn:example:billing")]
    })
}

#[test]
fn r035_a_new_list_ends_open_connections_and_resumed_sessions() {
    let (door, _upstream, ca) = world("", |ca| ca.list(&[], 3600));
    let pair = leaf(&ca, 1);
    let client = Client::new(&door, &pair);
    let mut open = client.open();
    assert_eq!(open.get("/mtls"), 200);
    // The session can be resumed, and the certificate comes with it.
    let mut again = client.open();
    assert_eq!(again.get("/mtls"), 200);
    assert!(again.resumed(), "nothing was resumed, so nothing is tested");
    door.write("clients.crl", &ca.list(&[1], 3600));
    door.until_said("configuration reloaded", 1);
    for connection in [&mut open, &mut again, &mut client.open()] {
        assert_eq!(connection.get("/mtls"), 401);
    }
    let answer = call(&door, "/mtls", &pair, &[]);
    assert_eq!(reason(&door, &answer), "credential_revoked");
    assert_eq!(call(&door, "/mtls", &leaf(&ca, 2), &[]).status, 200);
    // A list that cannot be read changes nothing.
    door.write("clients.crl", "garbage");
    door.until_said("reload refused, the old configuration stays", 1);
    assert_eq!(call(&door, "/mtls", &pair, &[]).status, 401);
}

#[test]
fn r035_an_expired_certificate_is_not_revived_by_a_resumed_session() {
    let (door, _upstream, ca) = world("", |ca| ca.list(&[], 3600));
    let pair = ca.leaf(1, |params| {
        params.subject_alt_names = vec![san_uri("urn:example:billing")];
        let epoch = rcgen::date_time_ymd(1970, 1, 1);
        let end = u64::try_from(crate::mint::now() + 4).unwrap();
        params.not_after = epoch + std::time::Duration::from_secs(end);
    });
    let client = Client::new(&door, &pair);
    let mut open = client.open();
    assert_eq!(open.get("/mtls"), 200);
    until("the certificate ends on its open connection", || {
        (open.get("/mtls") == 401).then_some(())
    });
    let mut again = client.open();
    assert_eq!(again.get("/mtls"), 401);
    assert!(again.resumed(), "nothing was resumed, so nothing is tested");
    let answer = call(&door, "/mtls", &pair, &[]);
    assert_eq!(reason(&door, &answer), "credential_expired");
}

#[test]
fn r035_what_a_list_does_not_say_is_not_known() {
    let refused = |stale: &str, list: &dyn Fn(&Ca) -> String| {
        let (door, _upstream, ca) = world(stale, list);
        let answer = call(&door, "/mtls", &leaf(&ca, 1), &[]);
        (answer.status != 200).then(|| (answer.status, reason(&door, &answer)))
    };
    let unknown = Some((503, "certificate_status_unknown".to_owned()));
    // Stale, of another authority with the same name, and of another one.
    assert_eq!(refused("", &|ca| ca.list(&[], -60)), unknown);
    assert_eq!(
        refused("", &|_| Ca::new("Clients").list(&[], 3600)),
        unknown
    );
    assert_eq!(refused("", &|_| Ca::new("Others").list(&[], 3600)), unknown);
    let accept = "stale_crl = \"accept\"";
    assert_eq!(refused(accept, &|ca| ca.list(&[], -60)), None);
    assert_eq!(
        refused(accept, &|_| Ca::new("Clients").list(&[], -60)),
        unknown
    );
    // Revoked is revoked, however old the list is.
    let revoked = Some((401, "credential_revoked".to_owned()));
    assert_eq!(refused(accept, &|ca| ca.list(&[1], -60)), revoked);
    assert_eq!(refused("", &|ca| ca.list(&[1], -60)), revoked);
}

#[test]
fn r035_a_list_grows_stale_while_the_door_is_open() {
    let (door, _upstream, ca) = world("", |ca| ca.list(&[], 4));
    let mut open = Client::new(&door, &leaf(&ca, 1)).open();
    assert_eq!(open.get("/mtls"), 200);
    until("the list is past its date", || {
        (open.get("/mtls") == 503).then_some(())
    });
    door.write("clients.crl", &ca.list(&[], 3600));
    until("a new list is there", || {
        (open.get("/mtls") == 200).then_some(())
    });
}

/// A handshake lets a revoked certificate in so that its calls are refused and recorded, and an
/// open connection outlives what its handshake found: neither may pass where one is required.
#[test]
fn r035_where_one_is_required_a_dead_one_opens_no_route_at_all() {
    let upstream = Recorder::start();
    let config = CONFIG
        .replace("{upstream}", &upstream.port.to_string())
        .replace("{stale}", "")
        .replace("\"optional\"", "\"required\"");
    let routes = "[[route]]\npath = \"/public\"\npublic = true\n[[route]]\npath = \"/key\"\n\
        scopes = [\"a\"]\n";
    let home = Home::new(&format!("{config}{routes}"));
    let ca = Ca::new("Clients");
    home.write("clients.pem", &ca.pem);
    home.write("clients.crl", &ca.list(&[], 3600));
    let key = format!("X-API-Key: {}", home.key("a"));
    let door = home.serve();
    let (pair, other) = (leaf(&ca, 1), leaf(&ca, 2));
    let with_key = |pair| call(&door, "/key", pair, &["-H", &key]);
    let mut open = Client::new(&door, &pair).open();
    assert_eq!(open.get("/public"), 200);
    assert_eq!(with_key(&pair).status, 200);
    door.write("clients.crl", &ca.list(&[1], 3600));
    door.until_said("configuration reloaded", 1);
    let served = upstream.heads().len();
    assert_eq!(open.get("/public"), 401);
    for answer in [call(&door, "/public", &pair, &[]), with_key(&pair)] {
        assert_eq!(answer.status, 401, "{answer:?}");
        assert_eq!(reason(&door, &answer), "credential_revoked");
    }
    assert_eq!(upstream.heads().len(), served);
    assert_eq!(call(&door, "/public", &other, &[]).status, 200);
    assert_eq!(with_key(&other).status, 200);
    // Nor one of which nothing is known, or whose authority is trusted no more.
    door.write("clients.crl", &ca.list(&[], -60));
    until("the list is stale", || {
        (call(&door, "/public", &other, &[]).status == 503).then_some(())
    });
    assert_eq!(with_key(&other).status, 503);
}
