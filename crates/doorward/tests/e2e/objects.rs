//! Object-level and property-level rules: whose objects a call names, what its body sets.

mod bodies;
mod explained;
mod owners;

use crate::curl::Answer;
use crate::door::{Door, Home};

const ROUTES: &str = r#"
[roles]
support = ["staff"]

[[route]]
path = "/anything/users/{user}/orders"
methods = ["GET", "DELETE"]
scopes = ["orders"]
owner = { path = "user", unless_scope = "staff" }
[[route]]
path = "/anything/list"
scopes = ["orders"]
owner = { query = "user", unless_scope = "staff" }
[[route]]
path = "/anything/orders"
methods = ["POST", "PUT"]
scopes = ["orders"]
owner = { body = "/user_id", unless_scope = "staff" }
[[route]]
path = "/anything/all/{user}"
methods = ["POST"]
scopes = ["orders"]
owner = { path = "user", query = "user", body = "/user_id" }
[[route]]
path = "/anything/profile"
methods = ["PATCH", "GET"]
scopes = ["orders"]
max_body = 2000
[route.body]
members = ["/name", "/role", "/items/*/sku", "/items/*/price"]
needs = { "/role" = "admin", "/items/*/price" = ["admin", "prices"] }
[[route]]
path = "/anything/signup"
methods = ["POST"]
public = true
body = { members = ["/name"] }
"#;

/// A door, and tokens of its callers.
struct Stand {
    door: Door,
    alice: String,
    staff: String,
}

impl Stand {
    fn before(port: u16, more: &str) -> Self {
        let home = Home::before(port, &format!("{ROUTES}{more}"));
        let token = |subject: &str, scopes: &[&str]| {
            let mut args = vec!["--sub", subject];
            for scope in scopes {
                args.extend(["--scope", scope]);
            }
            format!("Authorization: Bearer {}", home.token(&args).0)
        };
        let alice = token("alice", &["orders"]);
        let staff = token("sam", &["orders", "staff", "admin", "prices"]);
        Self {
            alice,
            staff,
            door: home.serve(),
        }
    }

    fn alice(&self, path: &str, args: &[&str]) -> Answer {
        let all = [&["-H", &self.alice], args].concat();
        self.door.curl(path, &all)
    }

    fn staff(&self, path: &str, args: &[&str]) -> Answer {
        let all = [&["-H", &self.staff], args].concat();
        self.door.curl(path, &all)
    }

    /// Sends a body as JSON.
    fn sends(&self, method: &str, path: &str, body: &str) -> Answer {
        let json = "Content-Type: application/json";
        self.alice(path, &["-X", method, "-H", json, "--data-binary", body])
    }

    /// The reason of a refusal, as it was recorded.
    fn reason(&self, answer: &Answer) -> String {
        let id = answer.decision_id();
        let found = self.door.json(&["explain", &id]);
        crate::door::text(&found, "reason")
    }
}
