//! All figures of the phase, from the study.

use std::collections::BTreeMap;

use super::{
    causality::causality,
    compare::flagged,
    disposition::disposition,
    events::{Chosen, Event, Terms, choose},
    exposure::{Exposure, Rate, durations, exposures, rate},
    figures::{AdverseEventFigures, CommonTerm, FlaggedTerm, SafetyFigures, SafetyMetrics, SafetyPopulation},
    first::time_to_first,
    labs::labs,
    listing::listing,
    overview::{Kind, overview},
    signals::signals,
    tally::{Tables, tables, tally, term},
    treated::Treated,
    words,
};
use crate::study::Study;

/// The most frequent terms that are listed.
const MOST_FREQUENT: usize = 25;
/// The most subjects who died that are listed.
const MOST_DIED: usize = 1_000;

/// Everything that the files and the output are made of.
pub(crate) struct Summary {
    pub(crate) metrics: SafetyMetrics,
    pub(crate) adverse_events: AdverseEventFigures,
    pub(crate) treated: Treated,
    pub(crate) terms: Terms,
    pub(crate) tables: Tables,
    /// Peak ALT or AST and bilirubin of each subject: arm, multiples of the upper limits.
    pub(crate) liver_points: Vec<(usize, f64, f64)>,
}

pub(crate) fn summary(study: &Study) -> Summary {
    let (level, alpha) = (study.protocol.confidence_level, study.protocol.alpha);
    let treated = Treated::of(study);
    let days = durations(study);
    let exposure = exposures(&days, &treated);
    let mut metrics = SafetyMetrics {
        population: population(&treated),
        exposure: treated.by_arm(|arm| exposure[arm].clone()),
        ..SafetyMetrics::default()
    };
    metrics.safety.n = treated.by_arm(|arm| treated.n(arm));
    metrics.safety.exposure_patient_years = treated.by_arm(|arm| exposure[arm].patient_years_as_recorded);
    missing(&treated, &exposure, &mut metrics.not_computable);

    let chosen = choose(study, &treated);
    let mut adverse_events =
        AdverseEventFigures { selection: chosen.selection.clone(), ..AdverseEventFigures::default() };
    let mut found = Tables::default();
    if study.adverse_events.subject.is_empty() {
        metrics.not_computable.insert(
            "adverse_events".to_owned(),
            "not computable: the data have no adverse events of the study's subjects. That none was recorded does not mean that \
             none happened"
                .to_owned(),
        );
    } else if treated.not_computable.is_none() {
        found = of_events(study, &treated, &chosen, (&days, &exposure), &mut metrics);
        listings(study, &treated, &chosen, level, &mut adverse_events);
        metrics.fatal_not_serious = fatal_not_serious(study, &chosen);
        adverse_events.most_frequent = most_frequent(&chosen, &found, &treated, level);
        metrics.flagged_terms = flagged_terms(&metrics.safety, &treated, alpha);
    }
    let disposition = disposition(study, &treated);
    metrics.safety.deaths = disposition.deaths;
    metrics.safety.discontinuation_reasons = disposition.reasons;
    metrics.discontinued_without_reason = disposition.without_reason;
    metrics.death_unknown = disposition.death_unknown;
    metrics.not_computable.extend(disposition.not_computable);
    adverse_events.died = disposition
        .died
        .iter()
        .take(MOST_DIED)
        .filter_map(|row| study.subjects.id.get(*row as usize).cloned())
        .collect();

    let labs = labs(study, &treated, level);
    metrics.labs = labs.metrics;
    metrics.methods = words::methods(study, &treated, &chosen.selection, &metrics);
    metrics.caveats = words::caveats(study, &chosen.selection, &metrics);
    Summary {
        metrics,
        adverse_events,
        treated,
        terms: chosen.terms,
        tables: found,
        liver_points: labs.liver_points,
    }
}

fn population(treated: &Treated) -> SafetyPopulation {
    SafetyPopulation {
        flag: treated.flag.clone(),
        finding: treated.finding.clone(),
        arms: treated.reference_first().iter().map(|arm| treated.arms[*arm].clone()).collect(),
        reference_arm: treated.reference_name().to_owned(),
        n: treated.total(),
        by: if treated.actual_recorded { "as treated" } else { "as assigned" }.to_owned(),
        switched: treated.switched,
        actual_unknown: treated.actual_unknown,
    }
}

/// What is missing of the population and its exposure.
fn missing(treated: &Treated, exposure: &[Exposure], reasons: &mut BTreeMap<String, String>) {
    if let Some(why) = &treated.not_computable {
        reasons.insert("population".to_owned(), why.clone());
        return;
    }
    let of = |is: &dyn Fn(usize) -> bool| -> Vec<&str> {
        (0..treated.arms.len()).filter(|arm| is(*arm)).map(|arm| treated.arms[arm].as_str()).collect()
    };
    let empty = of(&|arm| treated.n(arm) == 0);
    if !empty.is_empty() {
        reasons.insert(
            "arms".to_owned(),
            format!("not computable: nobody of the safety population is in {}", empty.join(", ")),
        );
    }
    if treated.arms.len() < 2 {
        reasons.insert(
            "vs_reference".to_owned(),
            "not computable: the protocol has fewer than two arms".to_owned(),
        );
    }
    let undated = of(&|arm| treated.n(arm) > 0 && exposure[arm].patient_years_as_recorded.is_none());
    if !undated.is_empty() {
        reasons.insert(
            "exposure_patient_years".to_owned(),
            format!(
                "not computable: no subject has both treatment_start and treatment_end in {}",
                undated.join(", ")
            ),
        );
    }
}

/// The figures of adverse events.
fn of_events(
    study: &Study,
    treated: &Treated,
    chosen: &Chosen,
    (days, exposure): (&[Option<f64>], &[Exposure]),
    metrics: &mut SafetyMetrics,
) -> Tables {
    let level = study.protocol.confidence_level;
    let found = tables(chosen, treated, level);
    let overview = overview(chosen, &study.adverse_events, treated, level);
    metrics.rates = rates(study, treated, chosen, (days, exposure), &overview.terms);
    metrics.safety.events_per_100_patient_years = treated.by_arm(|arm| {
        let years = exposure[arm].patient_years_as_recorded.filter(|y| *y > 0.0)?;
        Some(100.0 * found.any.events.get(arm).copied().unwrap_or(0) as f64 / years)
    });
    metrics.safety.overview = overview.terms;
    metrics.not_said = overview.not_said;
    metrics.not_computable.extend(overview.not_computable);
    metrics.safety.severity_counts = treated.by_arm(|arm| {
        let of_arm = found.any.severity.iter().filter(|cell| cell.0 as usize == arm);
        of_arm
            .filter_map(|(_, place, _, reports)| {
                Some((chosen.terms.severities.get(*place as usize)?.1.clone(), *reports))
            })
            .collect()
    });
    metrics.safety.disproportionality = signals(chosen, treated, &study.protocol.ae, level);
    metrics.safety.by_soc = found.by_soc.clone();
    found
}

/// Rates by kind and arm, of the reports of subjects whose time of treatment is known and possible.
fn rates(
    study: &Study,
    treated: &Treated,
    chosen: &Chosen,
    (days, exposure): (&[Option<f64>], &[Exposure]),
    kinds: &BTreeMap<String, super::tally::Term>,
) -> BTreeMap<String, BTreeMap<String, Rate>> {
    let timed = |subject: u32| days.get(subject as usize).copied().flatten().is_some_and(|d| d > 0.0);
    let known = Kind::ALL.into_iter().filter(|kind| kinds.contains_key(kind.name()));
    known
        .map(|kind| {
            let mut counts = vec![0u64; treated.arms.len()];
            for event in chosen.events.iter().filter(|e| timed(e.subject)) {
                if kind.of(event, &study.adverse_events, &chosen.terms.severities) == Some(true)
                    && let Some(count) = counts.get_mut(event.arm as usize)
                {
                    *count += 1;
                }
            }
            let of = |arm: usize| (counts[arm], exposure[arm].patient_years);
            let rates = treated.by_arm(|arm| {
                let reference = (arm != treated.reference && treated.reference < treated.arms.len())
                    .then(|| of(treated.reference));
                rate(of(arm).0, of(arm).1, reference, study.protocol.confidence_level)
            });
            (kind.name().to_owned(), rates)
        })
        .collect()
}

fn listings(study: &Study, treated: &Treated, chosen: &Chosen, level: f64, found: &mut AdverseEventFigures) {
    found.serious = listing(Kind::Serious, study, chosen, treated);
    found.fatal = listing(Kind::Fatal, study, chosen, treated);
    found.leading_to_discontinuation = listing(Kind::Discontinuation, study, chosen, treated);
    found.causality = Some(causality(study, chosen, treated));
    match time_to_first(study, &chosen.events, treated, level) {
        Ok(first) => found.time_to_first = Some(first),
        Err(why) => {
            found.not_computable.insert("time_to_first".to_owned(), why);
        }
    }
}

/// Reports that are fatal and not marked serious.
fn fatal_not_serious(study: &Study, chosen: &Chosen) -> u64 {
    let is = |kind: Kind, event| kind.of(event, &study.adverse_events, &chosen.terms.severities);
    let found = chosen
        .events
        .iter()
        .filter(|e| is(Kind::Fatal, e) == Some(true) && is(Kind::Serious, e) == Some(false));
    found.count() as u64
}

/// Places of terms by descending number of subjects, then by name.
pub(crate) fn by_frequency<'t>(
    counts: &[super::tally::Counts],
    name: impl Fn(usize) -> &'t str,
) -> Vec<usize> {
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by(|a, b| {
        counts[*b].total().cmp(&counts[*a].total()).then_with(|| name(*a).cmp(name(*b))).then(a.cmp(b))
    });
    order
}

/// The most frequent terms of all classes: where a term occurs under several classes, a subject counts once.
fn most_frequent(chosen: &Chosen, found: &Tables, treated: &Treated, level: f64) -> Vec<CommonTerm> {
    if treated.total() == 0 {
        return Vec::new();
    }
    let terms = &chosen.terms;
    let mut names: Vec<&str> = terms.pts.iter().map(|(_, name)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let place = |name: &str| names.binary_search(&name).ok();
    let mut classes: Vec<Vec<u32>> = vec![Vec::new(); names.len()];
    let of_term: Vec<Option<u32>> = terms
        .pts
        .iter()
        .map(|(soc, name)| {
            let at = place(name)?;
            classes.get_mut(at)?.push(*soc);
            u32::try_from(at).ok()
        })
        .collect();
    let key = |event: &Event| of_term.get(event.term as usize).copied().flatten();
    let counts = tally(&chosen.events, names.len(), treated.arms.len(), key);
    let order = by_frequency(&counts, |at| names.get(at).copied().unwrap_or_default());
    order
        .into_iter()
        .take(MOST_FREQUENT)
        .filter_map(|at| {
            let pt = (*names.get(at)?).to_owned();
            let socs: Vec<&String> =
                classes.get(at)?.iter().filter_map(|soc| terms.socs.get(*soc as usize)).collect();
            let of = match socs.as_slice() {
                [only] => found.by_soc.get(*only)?.pt.get(&pt)?.clone(),
                // Of several classes there is no term that p-values were adjusted for.
                _ => term(counts.get(at)?, treated, &terms.severities, level),
            };
            let soc = socs.iter().map(|soc| soc.as_str()).collect::<Vec<_>>().join("; ");
            Some(CommonTerm {
                soc,
                pt,
                classes: socs.len() as u64,
                incidence: of.incidence,
                vs_reference: of.vs_reference,
            })
        })
        .collect()
}

fn flagged_terms(figures: &SafetyFigures, treated: &Treated, alpha: f64) -> Vec<FlaggedTerm> {
    let mut found = Vec::new();
    for arm in treated.others().map(|arm| treated.arms[arm].as_str()) {
        let mut look = |level: &str, soc: &str, pt: Option<&str>, term: &super::tally::Term| {
            if let Some(comparison) = term.vs_reference.get(arm).filter(|c| flagged(c, alpha)) {
                found.push(FlaggedTerm {
                    arm: arm.to_owned(),
                    level: level.to_owned(),
                    soc: soc.to_owned(),
                    pt: pt.map(str::to_owned),
                    risk_difference: comparison.risk_difference,
                    fisher_p: comparison.fisher_p,
                    fdr_p: comparison.fdr_p,
                });
            }
        };
        for (name, soc) in &figures.by_soc {
            look("soc", name, None, &soc.term);
            for (pt, term) in &soc.pt {
                look("pt", name, Some(pt), term);
            }
        }
    }
    found.sort_by(|a, b| {
        let p = |f: &FlaggedTerm| f.fdr_p.unwrap_or(1.0);
        p(a).total_cmp(&p(b)).then_with(|| (&a.arm, &a.soc, &a.pt).cmp(&(&b.arm, &b.soc, &b.pt)))
    });
    found
}
