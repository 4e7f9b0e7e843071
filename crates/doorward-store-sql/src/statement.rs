//! How statements are written down.

/// Declares the statements of one entity as constants and lists them in `ALL`, so that a test can
/// prepare each of them. Parameters are `$1`, `$2`, and so on, and first appear in that order.
macro_rules! statements {
    ($($name:ident = $text:expr;)+) => {
        $(const $name: &str = $text;)+
        #[cfg(test)]
        pub(crate) const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),+];
    };
}

pub(crate) use statements;
