//! The corpus straight at the door, with servers of others behind it.

use super::corpus;
use super::stand::Stand;
use super::witness::Witness;

fn withstands(stand: Option<Stand>) {
    let Some(stand) = stand else {
        return;
    };
    let cases = corpus::all();
    stand.withstands(stand.port(), &cases, || corpus::read(&cases));
}

/// Our own upstream reads strictly: it also finds whatever we write that is not plain HTTP.
#[test]
fn r103_r106_g13_g14_g33_nothing_is_smuggled_to_a_strict_upstream() {
    withstands(Stand::before(|_| Some(Witness::own())));
}

#[test]
fn r103_r106_g13_nothing_is_smuggled_to_gunicorn() {
    withstands(Stand::before(Witness::gunicorn));
}

#[test]
fn r103_r106_g13_nothing_is_smuggled_to_node() {
    withstands(Stand::before(Witness::node));
}

#[test]
fn r103_r106_g13_nothing_is_smuggled_to_apache() {
    withstands(Stand::before(Witness::apache));
}

/// What HTTP/2 can say and HTTP/1 cannot: none of it becomes another request, or more of one.
#[test]
fn r104_r106_g15_nothing_is_smuggled_from_http2_to_http1() {
    let stand = Stand::before(|_| Some(Witness::own())).unwrap();
    let cases = corpus::http2::all();
    stand.withstands(stand.port(), &cases, || corpus::read(&cases));
}
