//! The methods and caveats in words, for the summary and the report.

use heddle_kit::report::{counted, percent};

use super::{events::Selection, figures::SafetyMetrics, overview::Kind, treated::Treated};
use crate::study::Study;

/// Which methods were used, and why these.
pub(crate) fn methods(
    study: &Study,
    treated: &Treated,
    selection: &Selection,
    metrics: &SafetyMetrics,
) -> Vec<String> {
    let level = percent(Some(study.protocol.confidence_level), 0);
    let reference = treated.reference_name();
    let rules = &study.protocol.ae;
    let mut methods = vec![format!(
        "Population: {} ({} subjects), {}.",
        treated.flag.as_deref().map_or_else(
            || "every subject of one of the protocol's arms".to_owned(),
            |flag| format!("subjects whose flag {flag} is true")
        ),
        treated.total(),
        if treated.actual_recorded {
            "by the treatment that they had (actual_arm)"
        } else {
            "by the arm assigned: the data do not say which treatment they had"
        },
    )];
    if selection.records > 0 {
        methods.push(format!("Adverse events: {}.", selection.rule));
        methods.push(
            "A subject counts once for each class and each term, under the worst severity that it had there; reports are counted \
             beside it. Exact repetitions of a report are counted as the source has them. Nothing is imputed."
                .to_owned(),
        );
        methods.extend(
            Kind::ALL
                .iter()
                .filter(|kind| metrics.safety.overview.contains_key(kind.name()))
                .map(|kind| format!("{}: {}.", kind.title(), kind.definition())),
        );
        let is_compared = treated.arms.len() > 1;
        let compared = format!(
            "Comparisons with {reference}: risk difference with the Wald and Newcombe (method 10) intervals, risk ratio with its \
             log-normal interval (0.5 added to all four cells where one is zero), number needed to harm as the reciprocal of the \
             difference (negative: to benefit), {level} intervals; Fisher's exact test, two-sided, because many counts are \
             small. Over all terms of a level and arm, p-values are adjusted after Benjamini and Hochberg (exploratory)."
        );
        methods.extend(is_compared.then_some(compared));
        methods.push(format!(
            "Rates: reports over the time from the first to the last day of treatment, both counted, in years of 365.25 days, with \
             exact Poisson intervals ({level}){}.",
            if is_compared { "; rate ratios have log-normal intervals" } else { "" }
        ));
        let disproportionality = format!(
            "Disproportionality: reports of a term in an arm against all other arms together; a signal needs PRR ≥ {}, χ² (Yates) \
             ≥ {} and at least {} reports. Terms with fewer than {} reports in the arm are not listed.",
            rules.prr_min,
            rules.chi2_min,
            rules.min_reports,
            3.min(rules.min_reports).max(1)
        );
        methods.extend(is_compared.then_some(disproportionality));
    }
    if !metrics.labs.by_test.is_empty() {
        methods.push(format!(
            "Laboratory values: {}. Worst grades are the highest CTCAE grade after baseline in each direction as recorded; grade 3 or \
             4 is a worst grade of at least 3 in either one. Changes from baseline are means over subjects, of whom the last \
             value at a visit counts, with Student's t \
             intervals ({level}). Hy's law: ALT or AST above 3 and bilirubin above 2 times the upper limit, at any time after \
             baseline.",
            metrics.labs.records.rule
        ));
    }
    methods
}

/// What a reader must bear in mind.
pub(crate) fn caveats(study: &Study, selection: &Selection, metrics: &SafetyMetrics) -> Vec<String> {
    let mut caveats = Vec::new();
    let population = &metrics.population;
    let mut say = |holds: bool, words: String| {
        if holds {
            caveats.push(words);
        }
    };
    let terms: usize = metrics.safety.by_soc.values().map(|s| s.pt.len()).sum();
    let comparisons = terms * population.arms.len().saturating_sub(1);
    say(
        comparisons > 0,
        format!(
            "{comparisons} comparisons of preferred terms were made. The trial was not sized for them: p-values and intervals of single \
             terms describe, they prove nothing, and a difference that is not significant does not show that there is none."
        ),
    );
    say(
        !metrics.safety.disproportionality.is_empty(),
        "PRR and ROR were made for spontaneous reports, where nobody knows how many were treated. Here the denominators are known, so \
         that risks and rates come first; a disproportion is a hint to look at."
            .to_owned(),
    );
    say(
        study.protocol.randomised != Some(true) && population.arms.len() > 1,
        "The protocol does not say that arms were assigned at random: differences may be due to who was treated.".to_owned(),
    );
    if let Some(finding) = &population.finding {
        say(true, format!("The safety population: {finding}."));
    }
    say(
        population.switched > 0,
        format!(
            "{} another arm's treatment than the one assigned: each counts where it was treated.",
            counted(population.switched, "subject had", "subjects had")
        ),
    );
    say(
        population.actual_unknown > 0,
        format!(
            "{} a treatment that is none of the protocol's arms: each counts in the arm assigned.",
            counted(population.actual_unknown, "subject had", "subjects had")
        ),
    );
    say(
        selection.repeated > 0,
        format!(
            "{}, as the source has them: numbers of reports, and PRR and ROR, may be too high. Numbers of subjects are not affected.",
            counted(
                selection.repeated,
                "report repeats an earlier one exactly and is counted",
                "reports repeat an earlier one exactly and are counted"
            )
        ),
    );
    say(
        selection.flag_missing > 0,
        format!(
            "{} treatment-emergent: not counted.",
            counted(
                selection.flag_missing,
                "report does not say whether it is",
                "reports do not say whether they are"
            )
        ),
    );
    let before: u64 = metrics.exposure.values().map(|e| e.end_before_start).sum();
    say(
        before > 0,
        format!(
            "{} an end of treatment before its start. exposure_patient_years and events_per_100_patient_years are sums of \
             the durations as recorded, negative ones included; exposure and rates leave them out.",
            counted(before, "subject has", "subjects have")
        ),
    );
    let undated: u64 = metrics.exposure.values().map(|e| e.without_dates).sum();
    say(
        undated > 0,
        format!(
            "{} no first or last day of treatment and {} no time; their reports are not in the rates.",
            counted(undated, "subject has", "subjects have"),
            if undated == 1 { "adds" } else { "add" }
        ),
    );
    say(
        metrics.fatal_not_serious > 0,
        format!(
            "{} not marked serious, though death is a criterion of seriousness (ICH E2A); counted as recorded.",
            counted(metrics.fatal_not_serious, "fatal report is", "fatal reports are")
        ),
    );
    for (kind, n) in &metrics.not_said {
        let title = Kind::ALL.iter().find(|k| k.name() == kind).map_or(kind.as_str(), |k| k.title());
        say(
            *n > 0,
            format!(
                "{title}: {} as no.",
                counted(*n, "report does not say it and counts", "reports do not say it and count")
            ),
        );
    }
    say(
        metrics.death_unknown > 0,
        format!(
            "Death or survival is not recorded for {}.",
            counted(metrics.death_unknown, "subject", "subjects")
        ),
    );
    caveats
}
