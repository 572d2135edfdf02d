//! `pattern_analysis.md`: the results in words, composed from the figures alone.

use std::fmt::Write as _;

use super::{
    patterns::{emerging::Emerging, recurring::FoundIn},
    results::{Basis, Output},
};

/// Rows of a table at most; the JSON has the rest.
const MOST_ROWS: usize = 15;

/// The report.
pub(crate) fn report(output: &Output) -> String {
    let mut md = String::from("# Pattern analysis\n");
    // Writing to a String cannot fail.
    let _ = categories(&mut md, output)
        .and_then(|()| classifier(&mut md, output))
        .and_then(|()| subcategories(&mut md, output))
        .and_then(|()| clusters(&mut md, output))
        .and_then(|()| recurring(&mut md, output))
        .and_then(|()| emerging(&mut md, &output.patterns.emerging))
        .and_then(|()| similar(&mut md, output))
        .and_then(|()| notes(&mut md, output));
    md
}

type Written = std::fmt::Result;

fn categories(md: &mut String, output: &Output) -> Written {
    let n = output.categorized_tickets.len();
    writeln!(md, "\n## Categories\n\n{n} tickets. {}\n", output.method)?;
    writeln!(
        md,
        "| Category | Tickets | Share | Stated | Mean confidence of the others |\n| --- | ---: | ---: | ---: | ---: |"
    )?;
    let mut rows: Vec<_> = output.categories.iter().filter(|category| category.count > 0).collect();
    rows.sort_by_key(|category| std::cmp::Reverse(category.count));
    for row in rows {
        let mean = row.mean_confidence.map_or("–".to_owned(), |mean| format!("{mean:.2}"));
        writeln!(
            md,
            "| {} | {} | {:.1} % | {} | {mean} |",
            cell(&row.name),
            row.count,
            100.0 * row.share,
            row.stated
        )?;
    }
    let unsure =
        output.categorized_tickets.iter().filter(|t| t.basis != Basis::Stated && t.confidence < 0.5).count();
    let several = output.categorized_tickets.iter().filter(|t| t.categories.len() > 1).count();
    writeln!(
        md,
        "\n{unsure} tickets have a confidence below 0.5; {several} have a second category of at least 0.2."
    )
}

fn classifier(md: &mut String, output: &Output) -> Written {
    writeln!(md, "\n## How well this agrees with the labels\n")?;
    if output.classifier.validations.is_empty() {
        return writeln!(md, "Not computable: {}.", output.classifier.reason);
    }
    writeln!(
        md,
        "{} labels. Used: {}, because {}.\n",
        output.classifier.n_labels,
        basis(output.classifier.used),
        output.classifier.reason
    )?;
    writeln!(
        md,
        "| Classifier | Folds | Accuracy | Macro-F1 | Mean confidence | Calibration error |\n| --- | ---: | ---: | ---: | ---: | ---: |"
    )?;
    for v in &output.classifier.validations {
        writeln!(
            md,
            "| {} | {} | {:.3} | {:.3} | {:.3} | {:.3} |",
            v.classifier, v.folds, v.accuracy, v.macro_f1, v.mean_confidence, v.calibration_error
        )?;
    }
    writeln!(
        md,
        "\n{} labelled tickets would have been put elsewhere; each kept its label.",
        output.disagreements.len()
    )
}

fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Stated => "the labels themselves",
        Basis::Learned => "what was learnt from the labels",
        Basis::BuiltIn => "the built-in signs",
    }
}

fn subcategories(md: &mut String, output: &Output) -> Written {
    for (title, counts) in [
        ("Product areas", &output.subcategories.product_areas),
        ("Components", &output.subcategories.components),
    ] {
        writeln!(md, "\n## {title}\n")?;
        if counts.is_empty() {
            writeln!(md, "The tickets name none.")?;
            continue;
        }
        writeln!(md, "| Name | Tickets |\n| --- | ---: |")?;
        for count in counts.iter().take(MOST_ROWS) {
            writeln!(md, "| {} | {} |", cell(&count.name), count.count)?;
        }
        more(md, counts.len())?;
    }
    Ok(())
}

fn clusters(md: &mut String, output: &Output) -> Written {
    let clusters = &output.patterns.clusters;
    let members: usize = clusters.iter().map(|cluster| cluster.size).sum();
    writeln!(
        md,
        "\n## Clusters of like tickets\n\n{} clusters of at least 3 tickets hold {members} tickets.\n",
        clusters.len()
    )?;
    if clusters.is_empty() {
        return Ok(());
    }
    writeln!(
        md,
        "| Cluster | Tickets | Cohesion | Terms | Representative |\n| --- | ---: | ---: | --- | --- |"
    )?;
    for c in clusters.iter().take(MOST_ROWS) {
        writeln!(
            md,
            "| {} | {} | {:.2} | {} | {}: {} |",
            c.cluster_id,
            c.size,
            c.cohesion,
            cell(&c.terms.join(", ")),
            cell(&c.representative),
            cell(&c.subject)
        )?;
    }
    more(md, clusters.len())
}

fn recurring(md: &mut String, output: &Output) -> Written {
    let issues = &output.patterns.recurring;
    writeln!(
        md,
        "\n## Recurring issues\n\nThe same subject or error message, but for numbers, paths and quotations, in at least 3 tickets: {}.\n",
        issues.len()
    )?;
    if issues.is_empty() {
        return Ok(());
    }
    writeln!(
        md,
        "| Issue | Found in | Tickets | Open | First | Last |\n| --- | --- | ---: | ---: | --- | --- |"
    )?;
    for issue in issues.iter().take(MOST_ROWS) {
        let found_in = match issue.found_in {
            FoundIn::Subject => "subject",
            FoundIn::ErrorMessage => "error message",
        };
        let day = |at: &Option<String>| at.as_deref().and_then(|at| at.get(..10)).unwrap_or("–").to_owned();
        let unresolved = issue.unresolved.map_or("–".to_owned(), |count| count.to_string());
        let (first, last) = (day(&issue.first_created_at), day(&issue.last_created_at));
        writeln!(
            md,
            "| {} | {found_in} | {} | {unresolved} | {first} | {last} |",
            cell(&issue.signature),
            issue.count
        )?;
    }
    more(md, issues.len())
}

fn emerging(md: &mut String, emerging: &Emerging) -> Written {
    writeln!(md, "\n## Emerging patterns\n")?;
    if let Some(why) = &emerging.not_computable {
        return writeln!(md, "Not computable: {why}.");
    }
    let time = |at: &Option<String>| at.as_deref().and_then(|at| at.get(..10)).unwrap_or("–").to_owned();
    writeln!(
        md,
        "Recent: {} to {}, {} tickets; earlier: {} tickets.",
        time(&emerging.recent_from),
        time(&emerging.recent_until),
        emerging.n_recent,
        emerging.n_earlier
    )?;
    if let Some(volume) = &emerging.volume {
        writeln!(
            md,
            "All tickets: {:.1} a week of late, {:.1} a week before (exact test of equal rates against a higher one of late: one-sided p-value {}).",
            volume.recent_per_week,
            volume.earlier_per_week,
            p(volume.p_value)
        )?;
    }
    writeln!(md, "\n{} {} tests, {} reported.\n", emerging.method, emerging.n_tested, emerging.items.len())?;
    if emerging.items.is_empty() {
        return Ok(());
    }
    writeln!(
        md,
        "| What | Kind | Recent | Earlier | Recent share | Earlier share | p | q |\n| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    )?;
    for item in emerging.items.iter().take(MOST_ROWS) {
        let kind = format!("{:?}", item.kind).to_lowercase();
        writeln!(
            md,
            "| {} | {kind} | {} | {} | {:.1} % | {:.1} % | {} | {} |",
            cell(&item.name),
            item.recent,
            item.earlier,
            100.0 * item.recent_share,
            100.0 * item.earlier_share,
            p(item.p_value),
            p(item.q_value)
        )?;
    }
    more(md, emerging.items.len())
}

fn similar(md: &mut String, output: &Output) -> Written {
    let similar = &output.patterns.similar;
    let groups = &output.patterns.identical_subject_groups;
    let members: usize = groups.iter().map(Vec::len).sum();
    writeln!(
        md,
        "\n## Similar tickets\n\n{} pairs; {}. {} groups with the same subject hold {members} tickets.",
        similar.n_pairs,
        similar.method,
        groups.len()
    )?;
    if similar.truncated {
        writeln!(md, "The JSON lists the {} pairs that are most alike.", similar.pairs.len())?;
    }
    Ok(())
}

fn notes(md: &mut String, output: &Output) -> Written {
    if !output.notes.is_empty() {
        writeln!(md, "\n## Notes\n")?;
        for note in &output.notes {
            writeln!(md, "- {}", cell(note))?;
        }
    }
    writeln!(md, "\nComposed from the computed results by a template; no model was consulted.")
}

fn more(md: &mut String, rows: usize) -> Written {
    if rows > MOST_ROWS {
        writeln!(md, "\n{} more are in `categorization_results.json`.", rows - MOST_ROWS)?;
    }
    Ok(())
}

fn p(value: f64) -> String {
    if value < 0.001 { format!("{value:.1e}") } else { format!("{value:.3}") }
}

/// Text of the tickets inside a table: on one line, shortened, and without any character that Markdown would act on.
fn cell(text: &str) -> String {
    let mut out = String::new();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for (at, c) in text.chars().enumerate() {
        if at == 90 {
            out.push('…');
            break;
        }
        if "\\|`*_[]<>#".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticket_text_cannot_act_as_markdown() {
        assert_eq!(cell("a | b\n<img> `x` [y](z)"), "a \\| b \\<img\\> \\`x\\` \\[y\\](z)");
        assert_eq!(cell(&"x".repeat(200)).chars().count(), 91);
        assert_eq!((p(0.04), p(0.000_02)), ("0.040".to_owned(), "2.0e-5".to_owned()));
    }
}
