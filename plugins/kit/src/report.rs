//! Markdown and HTML building blocks for reports.
//!
//! Text that comes from outside (ticket subjects, names) is escaped where it is put in, so that it is shown and never
//! becomes markup.

use std::fmt::Write as _;

/// How a table's column is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
    /// Marks.
    Centre,
}

/// A Markdown document (CommonMark with GitHub's tables) in the making.
///
/// ```
/// use heddle_kit::report::{Align, Markdown};
/// let mut report = Markdown::new("Tickets");
/// report.paragraph("Two categories.");
/// report.table(&[("Category", Align::Left), ("Tickets", Align::Right)], [["Bug | crash", "12"], ["Other", "3"]]);
/// assert!(report.finish().contains("| Bug \\| crash | 12 |"));
/// ```
#[derive(Clone, Debug)]
pub struct Markdown {
    text: String,
}

impl Markdown {
    /// A document with this title as its first heading (plain text).
    pub fn new(title: &str) -> Markdown {
        Markdown { text: format!("# {}\n", markdown_escaped(title)) }
    }

    /// A heading of level 2 to 6 (others are brought into that range); plain text.
    pub fn heading(&mut self, level: usize, heading: &str) -> &mut Markdown {
        self.block(&format!("{} {}", "#".repeat(level.clamp(2, 6)), markdown_escaped(heading)))
    }

    /// A paragraph of Markdown; the caller escapes what comes from outside with [`markdown_escaped`].
    pub fn paragraph(&mut self, markdown: &str) -> &mut Markdown {
        self.block(markdown.trim())
    }

    /// A bulleted list of Markdown items; lines after an item's first are indented with it. Nothing for no items.
    pub fn bullets<S: AsRef<str>>(&mut self, items: impl IntoIterator<Item = S>) -> &mut Markdown {
        self.list(items, |_| "- ".to_owned())
    }

    /// A numbered list of Markdown items. Nothing for no items.
    pub fn numbered<S: AsRef<str>>(&mut self, items: impl IntoIterator<Item = S>) -> &mut Markdown {
        self.list(items, |at| format!("{}. ", at + 1))
    }

    /// A table of plain cells. Rows that are short are filled with empty cells, long ones cut at the last column;
    /// without rows the table says "none".
    pub fn table<R, C>(
        &mut self,
        columns: &[(&str, Align)],
        rows: impl IntoIterator<Item = R>,
    ) -> &mut Markdown
    where
        R: IntoIterator<Item = C>,
        C: AsRef<str>,
    {
        let columns: Vec<(String, Align)> =
            columns.iter().map(|(name, align)| (markdown_escaped(name), *align)).collect();
        let cells = |row: R| row.into_iter().map(|c| markdown_escaped(c.as_ref())).collect();
        self.raw_table(&columns, rows.into_iter().map(cells))
    }

    /// A table whose headings and cells are Markdown of one line, with every `|` escaped; as [`Markdown::table`] else.
    pub(crate) fn raw_table(
        &mut self,
        columns: &[(String, Align)],
        rows: impl IntoIterator<Item = Vec<String>>,
    ) -> &mut Markdown {
        let heads: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        let rules = columns.iter().map(|(_, align)| match align {
            Align::Left => ":--",
            Align::Right => "--:",
            Align::Centre => ":-:",
        });
        let mut table = format!("| {} |\n| {} |", heads.join(" | "), rules.collect::<Vec<_>>().join(" | "));
        let mut empty = true;
        for mut cells in rows {
            empty = false;
            cells.resize(columns.len(), String::new());
            let _ = write!(table, "\n| {} |", cells.join(" | "));
        }
        if empty {
            let mut cells = vec!["none".to_owned()];
            cells.resize(columns.len().max(1), String::new());
            let _ = write!(table, "\n| {} |", cells.join(" | "));
        }
        self.block(&table)
    }

    /// A block of code or literal text; the fence is longer than any run of back-ticks in it. `language` may be empty.
    pub fn code(&mut self, language: &str, code: &str) -> &mut Markdown {
        let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        self.block(&format!("{fence}{language}\n{}\n{fence}", code.trim_end_matches('\n')))
    }

    /// A picture by its relative path, with the text for those who cannot see it.
    pub fn image(&mut self, description: &str, path: &str) -> &mut Markdown {
        let path = path.replace('<', "%3C").replace('>', "%3E");
        self.block(&format!("![{}](<{path}>)", markdown_escaped(description)))
    }

    /// The document, ending in a line break.
    pub fn finish(self) -> String {
        self.text
    }

    fn block(&mut self, block: &str) -> &mut Markdown {
        if !block.is_empty() {
            self.text.push('\n');
            self.text.push_str(block);
            self.text.push('\n');
        }
        self
    }

    fn list<S: AsRef<str>>(
        &mut self,
        items: impl IntoIterator<Item = S>,
        marker: impl Fn(usize) -> String,
    ) -> &mut Markdown {
        let item = |(at, text): (usize, S)| {
            let marker = marker(at);
            let indent = format!("\n{}", " ".repeat(marker.len()));
            format!("{marker}{}", text.as_ref().trim().replace('\n', &indent))
        };
        let items: Vec<String> = items.into_iter().enumerate().map(item).collect();
        self.block(&items.join("\n"))
    }
}

/// Plain text as Markdown that shows it on one line: every character with a meaning gets a back-slash, `<` and `&`
/// become entities, line breaks blanks. Safe in paragraphs, headings, links and table cells.
pub fn markdown_escaped(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' => out.extend(['\\', c]),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // These make lists only at the start of a line.
            '-' | '+' | '=' if at == 0 => out.extend(['\\', c]),
            // So does a number before a dot or a bracket, but not "61.2".
            '.' | ')'
                if at > 0
                    && text[..at].bytes().all(|b| b.is_ascii_digit())
                    && ends_marker(&text[at + 1..]) =>
            {
                out.extend(['\\', c]);
            }
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// Whether a list's number would end before `rest`: a blank must follow it.
fn ends_marker(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(char::is_whitespace)
}

/// Text for HTML content and quoted attribute values.
pub fn html_escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A value as JSON that can stand inside a `<script>` element, as JavaScript or as `application/json`: `<`, `>` and `&`
/// are written as escapes, so that neither `</script` nor `<!--` can occur, and so are the line separators U+2028 and
/// U+2029, which older JavaScript refuses in strings. It parses to the same value.
///
/// # Errors
/// A value that serde_json cannot write, such as a map whose keys are no strings.
pub fn json_for_script(value: &impl serde::Serialize) -> Result<String, serde_json::Error> {
    let json = serde_json::to_string(value)?;
    let mut out = String::with_capacity(json.len());
    // These characters occur in JSON only inside strings, where an escape means the same.
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    Ok(out)
}

/// A count and what is counted, "1 subject has" or "1,234 subjects have": `one` of it, or `many`.
pub fn counted(n: impl TryInto<u64>, one: &str, many: &str) -> String {
    let n = n.try_into().unwrap_or(u64::MAX);
    format!("{} {}", thousands(n as f64, 0), if n == 1 { one } else { many })
}

/// A number with a comma at every third digit and so many decimals; the minus sign is U+2212. NaN is "n/a",
/// infinities are "∞" and "−∞".
pub fn thousands(value: f64, decimals: usize) -> String {
    if value.is_nan() {
        return "n/a".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞" } else { "−∞" }.to_owned();
    }
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut out = String::with_capacity(text.len() + text.len() / 3 + 3);
    // "−0" would be a rounding artefact that reads like a finding.
    if value < 0.0 && text.bytes().any(|b| (b'1'..=b'9').contains(&b)) {
        out.push('−');
    }
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// A number with its unit after a no-break space ("1,440.1 h"), or "n/a" where there is none.
pub fn quantity(value: Option<f64>, decimals: usize, unit: &str) -> String {
    match value {
        Some(v) if !v.is_nan() => format!("{}\u{a0}{unit}", thousands(v, decimals)).trim_end().to_owned(),
        _ => "n/a".to_owned(),
    }
}

/// A share (0 to 1) as a percentage ("37.2 %"), or "n/a" where there is none.
pub fn percent(share: Option<f64>, decimals: usize) -> String {
    quantity(share.map(|s| s * 100.0), decimals, "%")
}

/// A time span in words a reader grasps: "45 s", "12 min", "5 h 30 min", "3 d 4 h", "142 d"; "n/a" for none. Seconds
/// are rounded to the smaller unit shown.
pub fn duration(seconds: Option<f64>) -> String {
    let Some(seconds) = seconds.filter(|s| s.is_finite()) else { return "n/a".to_owned() };
    let sign = if seconds <= -0.5 { "−" } else { "" };
    let pair = |total: f64, per: f64, big: &str, small: &str| {
        let (whole, rest) = ((total / per).floor(), total % per);
        if rest == 0.0 { format!("{whole} {big}") } else { format!("{whole} {big} {rest} {small}") }
    };
    let s = seconds.abs();
    let text = if s < 59.5 {
        format!("{} s", s.round())
    } else if (s / 60.0).round() < 60.0 {
        format!("{} min", (s / 60.0).round())
    } else if (s / 60.0).round() < 1440.0 {
        pair((s / 60.0).round(), 60.0, "h", "min")
    } else if (s / 3600.0).round() < 240.0 {
        pair((s / 3600.0).round(), 24.0, "d", "h")
    } else {
        format!("{} d", thousands(s / 86400.0, 0))
    };
    format!("{sign}{text}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(thousands(1234567.891, 2), "1,234,567.89");
        assert_eq!(thousands(-1000.0, 0), "−1,000");
        assert_eq!(thousands(-0.001, 1), "0.0");
        assert_eq!(thousands(999.0, 0), "999");
        assert_eq!(thousands(f64::NAN, 1), "n/a");
        assert_eq!(quantity(Some(1440.13), 1, "h"), "1,440.1\u{a0}h");
        assert_eq!(quantity(Some(3.0), 0, ""), "3");
        assert_eq!(percent(Some(0.3716), 1), "37.2\u{a0}%");
        assert_eq!(percent(None, 1), "n/a");
    }

    #[test]
    fn durations_carry_no_false_precision() {
        let cases =
            [(0.0, "0 s"), (45.4, "45 s"), (59.6, "1 min"), (3599.0, "1 h"), (19_800.0, "5 h 30 min")];
        let more = [(86_399.0, "1 d"), (273_600.0, "3 d 4 h"), (12_268_800.0, "142 d"), (-7200.0, "−2 h")];
        for (seconds, want) in cases.into_iter().chain(more) {
            assert_eq!(duration(Some(seconds)), want, "{seconds}");
        }
        assert_eq!(duration(None), "n/a");
        assert_eq!(duration(Some(f64::INFINITY)), "n/a");
    }

    #[test]
    fn a_document_reads_as_written() {
        let mut report = Markdown::new("A *report*");
        report.heading(1, "Section").paragraph("Text.").bullets(["one", "two\nlines"]).numbered(["first"]);
        report.table(&[("Name", Align::Left), ("n", Align::Right)], [vec!["a|b"], vec!["c", "2", "lost"]]);
        report.table(&[("Name", Align::Centre)], Vec::<Vec<String>>::new());
        report.code("text", "a ``` fence").image("Chart", "a b.png").bullets(Vec::<String>::new());
        let want = "# A \\*report\\*\n\n## Section\n\nText.\n\n- one\n- two\n  lines\n\n1. first\n\n\
            | Name | n |\n| :-- | --: |\n| a\\|b |  |\n| c | 2 |\n\n| Name |\n| :-: |\n| none |\n\n\
            ````text\na ``` fence\n````\n\n![Chart](<a b.png>)\n";
        assert_eq!(report.finish(), want);
    }

    #[test]
    fn text_from_outside_stays_text() {
        assert_eq!(
            markdown_escaped("- [x](javascript:1) <b>|\n12. y"),
            "\\- \\[x\\](javascript:1) &lt;b&gt;\\| 12. y"
        );
        assert_eq!(markdown_escaped("1. item"), "1\\. item");
        assert_eq!(markdown_escaped("61.2 (9.8)"), "61.2 (9.8)");
        assert_eq!(markdown_escaped("12."), "12\\.");
        assert_eq!(html_escaped("<a href='x'>\"&"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;");
    }

    proptest! {
        #[test]
        fn json_cannot_leave_its_script(text in "\\PC*|[<>/!\\-a-z&\u{2028}\u{2029}]{0,40}|</script><!--") {
            let json = json_for_script(&text).unwrap();
            let dangerous = ['<', '>', '&', '\u{2028}', '\u{2029}'];
            prop_assert!(!json.contains(dangerous), "{}", json);
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn table_cells_keep_to_their_row(cell in "\\PC*|[|\\\\\n`]{0,20}") {
            let mut report = Markdown::new("T");
            report.table(&[("a", Align::Left), ("b", Align::Left)], [[cell.as_str(), "x"]]);
            let text = report.finish();
            let row = text.lines().last().unwrap();
            // Bars that are not escaped are the three of the table.
            let mut bars = 0;
            let mut escaped = false;
            for c in row.chars() {
                bars += usize::from(c == '|' && !escaped);
                escaped = c == '\\' && !escaped;
            }
            prop_assert_eq!(bars, 3);
            prop_assert_eq!(text.lines().count(), 5);
        }
    }
}
