//! The Prometheus text exposition format, version 0.0.4.

use std::fmt::{Display, Write};

/// A page of metrics.
#[derive(Default)]
pub(super) struct Page(String);

impl Page {
    /// Opens a metric family. The help text is a fixed sentence.
    pub(super) fn family(&mut self, name: &str, kind: &str, help: &'static str) {
        // Writing to a string cannot fail.
        let _written = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    /// Adds a sample of the open family.
    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (n, (label, text)) in labels.iter().enumerate() {
            self.0.push(if n == 0 { '{' } else { ',' });
            self.0.push_str(label);
            self.0.push_str("=\"");
            self.escape(text);
            self.0.push('"');
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _written = writeln!(self.0, " {value}");
    }

    /// A family with one sample.
    pub(super) fn single(
        &mut self,
        name: &str,
        kind: &str,
        help: &'static str,
        value: impl Display,
    ) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    /// The page.
    pub(super) fn into_text(self) -> String {
        self.0
    }

    fn escape(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '\\' => self.0.push_str("\\\\"),
                '"' => self.0.push_str("\\\""),
                '\n' => self.0.push_str("\\n"),
                c if c.is_control() => self.0.push(char::REPLACEMENT_CHARACTER),
                c => self.0.push(c),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Page;

    #[test]
    fn r121_label_values_cannot_end_a_label_or_a_line() {
        let mut page = Page::default();
        page.family("a_total", "counter", "Things.");
        page.sample("a_total", &[("x", "q\"} 9\nb_total 1\r\\"), ("y", "")], 1.5);
        assert_eq!(
            page.into_text(),
            "# HELP a_total Things.\n# TYPE a_total counter\n\
             a_total{x=\"q\\\"} 9\\nb_total 1\u{fffd}\\\\\",y=\"\"} 1.5\n"
        );
    }
}
