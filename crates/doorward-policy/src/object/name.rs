//! Names of members and parameters as the most generous reader compares them.

/// Tells whether some reader takes two names for one: letter case (Go, .NET), separators
/// (protobuf reads `user_id` and `userId`, PHP reads `user.id` as `user_id`), characters that
/// cut a name or are skipped.
pub(super) fn same(one: &str, other: &str) -> bool {
    folded(one).eq(folded(other))
}

fn folded(name: &str) -> impl Iterator<Item = char> {
    name.chars()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .filter(|c| c.is_alphanumeric() && *c != '\u{307}')
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn r096_names_that_some_reader_takes_for_one_are_one() {
        for spelling in [
            "user_id",
            "userId",
            "USER_ID",
            "User-Id",
            "user.id",
            "user id",
            " user_id",
            "u\u{17f}er_id",
            "user_id\0",
            "user\u{200b}_id",
            "\u{feff}user_id",
        ] {
            assert!(same(spelling, "user_id"), "{spelling}");
        }
        for other in ["user", "userid2", "users_id", "id", ""] {
            assert!(!same(other, "user_id"), "{other}");
        }
    }
}
