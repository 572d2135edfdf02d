//! `statistical_report.md`: what was done, on whom, and what came out.

use heddle_kit::report::{Align, Markdown, counted, markdown_escaped};

use super::{
    Cohorts, Statistics, csv, describe_additional,
    figure::{ChosenTest, Figure},
    groups::Groups,
    numbers::{figure, p_value},
    propensity::Matched,
};

/// Rows of a table in the report.
const MOST_ROWS: usize = 200;

/// The report.
pub(crate) fn report(groups: &Groups<'_>, cohorts: &Cohorts, statistics: &Statistics) -> String {
    let mut text = Markdown::new("Statistical report: cohort and baseline");
    population(&mut text, groups, cohorts);
    table(&mut text, groups, statistics);
    randomisation(&mut text, groups, statistics);
    balance(&mut text, groups, statistics);
    strata(&mut text, groups, cohorts);
    propensity(&mut text, groups, statistics);
    describe_additional::section(&mut text, groups, &statistics.additional);
    caveats(&mut text, groups, statistics);
    text.finish()
}

fn population(text: &mut Markdown, groups: &Groups<'_>, cohorts: &Cohorts) {
    text.heading(2, "Population").paragraph(&markdown_escaped(&cohorts.population.description));
    text.table(
        &[
            ("Arm", Align::Left),
            ("Assigned", Align::Right),
            ("Described here", Align::Right),
            ("Not in the population", Align::Right),
        ],
        cohorts.arms.iter().map(|arm| {
            let name = if arm.reference { format!("{} (reference)", arm.arm) } else { arm.arm.clone() };
            [name, arm.assigned.to_string(), arm.n.to_string(), arm.not_in_population.to_string()]
        }),
    );
    let out = cohorts.without_arm + cohorts.unknown_arm;
    if out > 0 {
        text.paragraph(&format!(
            "{out} further subjects are in no arm ({} without one, {} with one that is not the protocol's) and are not described.",
            cohorts.without_arm, cohorts.unknown_arm
        ));
    }
    if groups.total() == 0 {
        text.paragraph("**No subject is in the population: nothing below could be computed.**");
    }
}

fn table(text: &mut Markdown, groups: &Groups<'_>, statistics: &Statistics) {
    text.heading(2, "Table 1: baseline characteristics");
    let rows = csv::rows(groups, statistics);
    if let Some((head, rows)) = rows.split_first() {
        let columns: Vec<(&str, Align)> = head
            .iter()
            .enumerate()
            .map(|(at, name)| (name.as_str(), if at < 2 { Align::Left } else { Align::Right }))
            .collect();
        // A variable's name stands in its first row only, as in a paper.
        let name = |at: usize| rows.get(at).and_then(|row| row.first());
        let shown = rows.iter().enumerate().take(MOST_ROWS).map(|(at, row)| {
            let repeated = at.checked_sub(1).and_then(name) == name(at);
            let cells = row.iter().enumerate();
            cells
                .map(|(column, cell)| if repeated && column == 0 { "" } else { cell.as_str() })
                .collect::<Vec<_>>()
        });
        text.table(&columns, shown);
        if rows.len() > MOST_ROWS {
            text.paragraph(&format!("The first {MOST_ROWS} of {} rows; all are in table1.csv.", rows.len()));
        }
    }
    text.paragraph(&format!(
        "SD: standard deviation (divisor n − 1). Q1, Q3: quartiles by linear interpolation (type 7). SMD: standardised difference, arm \
         minus {}; for categories after Yang and Dalton (2012), without a sign. Percentages are of the subjects with a value. \
         n/a: not computable, for the reason given in cohort\\_characteristics.json.",
        markdown_escaped(groups.reference_name())
    ));
    text.heading(3, "Which test, and why");
    text.bullets([
        "Continuous variables: if the skewness within arms is beyond ±1, a test of ranks (Mann–Whitney for two arms, Kruskal–Wallis for \
         more); else a test of means: Welch's t test for two arms, one-way analysis of variance for more, or Welch's analysis of \
         variance where standard deviations differ more than twofold.",
        "Categorical variables: Pearson's χ² test without continuity correction; where an expected count is below 5, the exact test \
         (Fisher for 2 × 2 tables, Fisher–Freeman–Halton for larger ones).",
        "Missing values are left out variable by variable and counted in the table. Nothing was imputed.",
        "The p-values are not adjusted for their number.",
    ]);
    let protocol = &groups.study.protocol.table1;
    let line =
        |label: &str, test: &ChosenTest| [label, &test.name, &p_value(&test.p), &test.why].map(str::to_owned);
    let of_table = &statistics.table1;
    let continuous = (protocol.continuous.iter())
        .filter_map(|path| of_table.continuous.get(path)?.described())
        .map(|d| line(&d.label, &d.test));
    let categorical = (protocol.categorical.iter())
        .filter_map(|path| of_table.categorical.get(path)?.described())
        .map(|d| line(&d.label, &d.test));
    text.table(
        &[("Variable", Align::Left), ("Test", Align::Left), ("p", Align::Right), ("Reason", Align::Left)],
        continuous.chain(categorical).take(MOST_ROWS),
    );
}

fn randomisation(text: &mut Markdown, groups: &Groups<'_>, statistics: &Statistics) {
    let found = &statistics.randomisation;
    text.heading(2, "Randomisation and allocation");
    let said = match found.randomised {
        Some(true) => "The trial is treated as randomised.",
        Some(false) => "The trial is treated as not randomised.",
        None => "Whether the trial was randomised is not known.",
    };
    text.paragraph(&format!(
        "{said} {} {}",
        markdown_escaped(&found.evidence),
        markdown_escaped(&found.consequence)
    ));
    if let Some(stratification) = &found.stratification {
        text.paragraph(&format!(
            "Stratification, in the protocol's words: {}.",
            markdown_escaped(stratification)
        ));
    }
    let allocation = &found.allocation;
    text.table(
        &[
            ("Arm", Align::Left),
            ("Ratio", Align::Right),
            ("Expected", Align::Right),
            ("Assigned", Align::Right),
        ],
        groups.names.iter().map(|arm| {
            [
                arm.clone(),
                allocation.ratio.get(arm).map(f64::to_string).unwrap_or_default(),
                allocation.expected.get(arm).map_or_else(String::new, |e| figure(e, 1)),
                allocation.assigned.get(arm).map(u64::to_string).unwrap_or_default(),
            ]
        }),
    );
    text.paragraph(&format!(
        "Ratio: {}. {}",
        markdown_escaped(&allocation.ratio_from),
        test(&allocation.test)
    ));
    let sites = &found.sites;
    text.paragraph(&format!(
        "Sites: {} with subjects, {} of them with subjects of one arm only; {} without a site. Allocation by site: {}",
        sites.n,
        sites.one_arm_only,
        counted(sites.missing, "subject", "subjects"),
        test(&sites.test)
    ));
}

fn test(test: &ChosenTest) -> String {
    match test.p.reason() {
        Some(reason) => format!("No test: {}.", markdown_escaped(reason)),
        None => format!(
            "{}, p = {} ({}).",
            markdown_escaped(&test.name),
            markdown_escaped(&p_value(&test.p)),
            markdown_escaped(&test.why)
        )
        .replace("p = &lt;", "p &lt; ")
        .replace("p = &gt;", "p &gt; "),
    }
}

fn balance(text: &mut Markdown, groups: &Groups<'_>, statistics: &Statistics) {
    let balance = &statistics.balance;
    text.heading(2, "Balance").paragraph(&format!(
        "Of {} standardised differences to {}, {} are above 0.1 and {} above 0.2. With these numbers of subjects, chance alone takes a \
         standardised difference of a continuous variable up to the following sizes in 95 of 100 randomised trials, so that small \
         trials exceed 0.1 without anything being wrong.",
        balance.compared,
        markdown_escaped(&balance.reference_arm),
        balance.above_0_1,
        balance.above_0_2
    ));
    text.bullets(groups.others().filter_map(|(_, arm)| {
        Some(format!("{}: {}", markdown_escaped(arm), figure(balance.expected_by_chance.get(arm)?, 2)))
    }));
    text.table(
        &[("Variable", Align::Left), ("Arm", Align::Left), ("SMD", Align::Right), ("Size", Align::Left)],
        balance.differences.iter().filter(|d| d.smd.abs() > super::balance::SMALL).take(MOST_ROWS).map(|d| {
            [d.label.clone(), d.arm.clone(), super::numbers::fixed(d.smd, 3), d.imbalance.name().to_owned()]
        }),
    );
    if !balance.within_sites.is_empty() {
        text.heading(3, "Within sites").paragraph(
            "Variables of two categories by the Cochran–Mantel–Haenszel test with the sites as strata, without continuity correction. \
             Sites where an arm or a category is absent say nothing.",
        );
        text.table(
            &[
                ("Variable", Align::Left),
                ("Arm", Align::Left),
                ("Sites", Align::Right),
                ("χ²", Align::Right),
                ("p", Align::Right),
            ],
            balance.within_sites.iter().take(MOST_ROWS).map(|w| {
                [
                    w.label.clone(),
                    w.arm.clone(),
                    w.informative_sites.to_string(),
                    figure(&w.chi2, 2),
                    p_value(&w.p),
                ]
            }),
        );
    }
    if !balance.not_computed.is_empty() {
        text.heading(3, "What could not be compared");
        text.bullets(balance.not_computed.iter().take(MOST_ROWS).map(|line| markdown_escaped(line)));
    }
}

fn strata(text: &mut Markdown, groups: &Groups<'_>, cohorts: &Cohorts) {
    let strata = &cohorts.risk_strata;
    text.heading(2, "Risk strata").paragraph(&markdown_escaped(&strata.definition));
    for stratum in &strata.strata {
        let Some(members) = stratum.members.described() else {
            let reason = stratum.members.reason().unwrap_or_default();
            text.paragraph(&format!("{}: {}.", markdown_escaped(&stratum.id), markdown_escaped(reason)));
            continue;
        };
        text.heading(3, &members.label);
        let mut columns = vec![("Stratum", Align::Left), ("Overall", Align::Right)];
        columns.extend(groups.names.iter().map(|arm| (arm.as_str(), Align::Right)));
        let share = |n: Option<&u64>, pct: Option<&Figure>| {
            format!(
                "{} ({} %)",
                n.copied().unwrap_or(0),
                pct.map_or_else(|| "n/a".to_owned(), |p| figure(p, 1))
            )
        };
        text.table(
            &columns,
            members.levels.iter().map(|level| {
                let mut row = vec![
                    level.clone(),
                    share(members.counts_overall.get(level), members.pct_overall.get(level)),
                ];
                row.extend(groups.names.iter().map(|arm| {
                    share(
                        members.counts.get(level).and_then(|c| c.get(arm)),
                        members.pct.get(level).and_then(|p| p.get(arm)),
                    )
                }));
                row
            }),
        );
        text.paragraph(&format!(
            "{} no stratum. {}",
            counted(members.missing, "subject has", "subjects have"),
            test(&members.test)
        ));
    }
}

fn propensity(text: &mut Markdown, groups: &Groups<'_>, statistics: &Statistics) {
    let found = &statistics.propensity;
    text.heading(2, "Propensity scores").paragraph(&format!(
        "{} {}",
        markdown_escaped(&found.reason),
        markdown_escaped(&found.method)
    ));
    for (arm, entry) in &found.by_arm {
        text.heading(3, &format!("{arm} against {}", groups.reference_name()));
        match entry.described() {
            Some(matched) => arm_matched(text, matched),
            None => {
                text.paragraph(&markdown_escaped(entry.reason().unwrap_or_default()));
            }
        }
    }
}

fn arm_matched(text: &mut Markdown, matched: &Matched) {
    let support = matched.common_support.map_or_else(
        || "the arms share no range of scores".to_owned(),
        |(low, high)| {
            format!(
                "the arms share the scores from {low:.3} to {high:.3}, which {}",
                counted(matched.in_common_support, "subject has", "subjects have")
            )
        },
    );
    text.paragraph(&format!(
        "Of {} {} a covariate. Of the others {} in the arm and {} in the reference arm. The scores tell the arms apart \
         with a c-statistic of {} (0.5: not at all); {support}. {} formed; without a partner: {} of the arm and {} of the reference arm. {} Weighted by inverse probabilities the arms count as much as {} and {} subjects.",
        counted(matched.members, "member", "members"),
        counted(matched.incomplete, "lacks", "lack"),
        counted(matched.n_arm, "is", "are"),
        matched.n_reference,
        figure(&matched.c_statistic, 3),
        counted(matched.pairs, "pair was", "pairs were"),
        counted(matched.unmatched_arm, "member", "members"),
        matched.unmatched_reference,
        markdown_escaped(&matched.verdict),
        figure(&matched.effective_n_arm, 1),
        figure(&matched.effective_n_reference, 1),
    ));
    text.table(
        &[("Variable", Align::Left), ("SMD before", Align::Right), ("SMD after", Align::Right)],
        matched.balance.iter().map(|b| [b.label.clone(), figure(&b.before, 3), figure(&b.after, 3)]),
    );
    text.bullets(matched.notes.iter().map(|note| markdown_escaped(note)));
}

fn caveats(text: &mut Markdown, groups: &Groups<'_>, statistics: &Statistics) {
    text.heading(2, "Caveats");
    let mut caveats = vec![
        "Values out of their plausible range are described as recorded; the validation report lists them.".to_owned(),
        "A standardised difference measures distance, not its effect on the outcome: which covariates are adjusted for is a matter of \
         the analysis plan, not of this table."
            .to_owned(),
    ];
    if statistics.randomisation.randomised == Some(true) {
        caveats.push(
            "CONSORT advises against tests of baseline differences in randomised trials: their p-values say how odd the chance was, \
             not whether the arms are comparable."
                .to_owned(),
        );
    }
    caveats.extend(groups.finding.iter().map(|said| markdown_escaped(said)));
    caveats.extend(groups.study.problems.iter().take(50).map(|problem| {
        markdown_escaped(&format!(
            "Protocol, {}: {}. {}.",
            problem.path, problem.message, problem.consequence
        ))
    }));
    text.bullets(caveats);
}
