//! The statistical report: populations, methods with their sources, results, and what could not be computed.

use heddle_kit::report::{Align, Markdown, markdown_escaped};

use super::{
    frame::{Frame, Members},
    methods::METHODS,
    numeric::COVARIANCE,
    pointing::time_direction,
    render::{Results, statement},
    result::{Analysed, Comparison, NO_ESTIMATE, Role, Test},
    words::{direction_text, estimate_text, figure, p_text, percent},
};

/// What the report tells of.
pub(super) struct Report<'a, 's> {
    pub(super) frame: &'a Frame<'s>,
    pub(super) efficacy: &'a Members,
    pub(super) times: &'a Members,
    pub(super) results: &'a Results<'a>,
}

impl Report<'_, '_> {
    pub(super) fn write(&self) -> String {
        let protocol = &self.frame.study.protocol;
        let mut text = Markdown::new("Statistical analysis plan and report: efficacy");
        if let Some(title) = &protocol.title {
            text.paragraph(&markdown_escaped(title));
        }
        text.paragraph(&format!(
            "Two-sided significance level {}; confidence level {}; reference arm {}. All figures are computed from the validated data under masked ids; full precision is in {}.",
            percent(self.frame.alpha),
            percent(self.frame.level),
            markdown_escaped(self.frame.reference_name()),
            markdown_escaped(super::RESULTS),
        ));
        text.bullets(self.results.notes.iter().map(|n| markdown_escaped(n)));
        self.populations(&mut text);
        self.methods(&mut text);
        for (role, heading) in [
            (Role::Primary, "Primary endpoint"),
            (Role::Secondary, "Secondary endpoints"),
            (Role::Exploratory, "Exploratory endpoints"),
        ] {
            self.role(&mut text, role, heading);
        }
        self.subgroups(&mut text);
        self.multiplicity(&mut text);
        self.missing(&mut text);
        self.assumptions(&mut text);
        self.not_computed(&mut text);
        text.finish()
    }

    fn populations(&self, text: &mut Markdown) {
        text.heading(2, "Estimands and populations");
        let randomised = match self.frame.study.protocol.randomised {
            Some(true) => {
                "Subjects were assigned at random: comparisons of the arms as assigned estimate the effect of assignment."
            }
            Some(false) => {
                "Subjects were not assigned at random: differences between arms may come from differences between their subjects, and the tests below do not remove them."
            }
            None => {
                "Whether subjects were assigned at random is not known: causal words are not justified by these data alone."
            }
        };
        if self.frame.n_arms() > 1 {
            text.paragraph(randomised);
        }
        text.paragraph("Treatment condition: the arm as assigned. Variable: the endpoint as the protocol defines it. Summary: the effect named with each test. Intercurrent events: the protocol's data say how they were handled (values carried forward are the source's own); nothing is imputed here.");
        let arms: Vec<&str> = (0..self.frame.n_arms()).map(|arm| self.frame.arm(arm)).collect();
        let mut columns = vec![("Analysis", Align::Left), ("Who", Align::Left)];
        columns.extend(arms.iter().map(|arm| (*arm, Align::Right)));
        let row = |name: &str, members: &Members| {
            let mut row = vec![name.to_owned(), members.who.clone()];
            row.extend((0..arms.len()).map(|arm| members.sizes.get(arm).copied().unwrap_or(0).to_string()));
            row
        };
        text.table(&columns, [row("Endpoints at visits", self.efficacy), row("Times to events", self.times)]);
        for members in [self.efficacy, self.times] {
            if let Some(finding) = &members.finding {
                text.paragraph(&markdown_escaped(&format!("Finding: {finding}.")));
            }
            if let Some(why) = &members.not_computable {
                text.paragraph(&markdown_escaped(&format!("Not computable: {why}.")));
            }
        }
    }

    fn methods(&self, text: &mut Markdown) {
        text.heading(2, "Methods");
        if self.frame.n_arms() < 2 {
            text.paragraph("Nothing is compared and nothing tested between arms. Measurements are described by mean, SD and quartiles, shares with Wilson's intervals (1927), times to events by Kaplan–Meier curves (1958) with Greenwood's variance and log-log intervals and by medians after Brookmeyer and Crowley (1982). Missing values are left out for each variable.");
            return;
        }
        text.paragraph("The main test follows from the endpoint's kind and from the protocol, not from the data; the one exception is the choice between χ² and Fisher's test, by expected counts, which do not depend on the arms' difference.");
        let columns = [("For", Align::Left), ("Method", Align::Left), ("Source", Align::Left)];
        text.table(&columns, METHODS.iter().map(|(a, b, c)| [*a, *b, *c]));
    }

    fn of(&self, role: Role) -> impl Iterator<Item = &Analysed> {
        self.results.endpoints.iter().filter(move |e| e.role == role)
    }

    fn role(&self, text: &mut Markdown, role: Role, heading: &str) {
        text.heading(2, heading);
        let mut some = false;
        for endpoint in self.of(role) {
            some = true;
            self.endpoint(text, endpoint);
        }
        if !some {
            text.paragraph(&format!("The protocol names no {} endpoint.", role.name()));
        }
    }

    fn endpoint(&self, text: &mut Markdown, endpoint: &Analysed) {
        let mark = match endpoint.role {
            Role::Exploratory => " (exploratory)",
            _ if endpoint.is_adopted => " (taken as primary, because the protocol names no primary endpoint)",
            _ => "",
        };
        text.heading(3, &format!("{}{mark}", endpoint.label));
        let kind = endpoint.kind.replace('_', " ");
        let direction = match (endpoint.kind, endpoint.direction) {
            ("time_to_event", None) => String::new(),
            ("time_to_event", Some(direction)) => format!("; {}", time_direction(direction)),
            (_, direction) => format!("; {}", direction_text(direction)),
        };
        text.paragraph(&markdown_escaped(&format!("Id {}; {kind}{direction}.", endpoint.id)));
        if let Some(why) = &endpoint.not_computable {
            text.paragraph(&format!("**Not computable:** {}.", markdown_escaped(why)));
            return;
        }
        let columns = [
            ("Arm", Align::Left),
            ("In population", Align::Right),
            ("Analysed", Align::Right),
            ("Missing", Align::Right),
            ("No covariate", Align::Right),
            ("Result", Align::Left),
        ];
        text.table(
            &columns,
            endpoint.counts.iter().map(|c| {
                [
                    c.arm.clone(),
                    c.in_population.to_string(),
                    c.analysed.to_string(),
                    c.missing().to_string(),
                    c.without_covariate.to_string(),
                    c.summary.clone(),
                ]
            }),
        );
        if let Some(overall) = &endpoint.overall {
            text.paragraph(&markdown_escaped(&format!("{}: p {}.", overall.name, p_said(overall))));
        }
        for comparison in &endpoint.comparisons {
            self.comparison(text, comparison);
        }
    }

    fn comparison(&self, text: &mut Markdown, of: &Comparison) {
        let mut said = format!("{} Main test because: {}.", statement(self.frame, of), of.why);
        if let Some(adjusted) = &of.adjusted {
            said.push_str(&format!(
                " In a family of {}: Holm p {}, Hochberg p {}; {}.",
                adjusted.family,
                p_text(adjusted.holm),
                p_text(adjusted.hochberg),
                adjusted.conclusion
            ));
        }
        text.paragraph(&markdown_escaped(&said));
        let row = |mark: &str, test: &Test| {
            let effect = match &test.estimate {
                Ok(estimate) => estimate_text(estimate, self.frame.level),
                Err(why) if why == NO_ESTIMATE => "–".to_owned(),
                Err(why) => match test.point {
                    Some(value) => format!("{} (interval not computable: {why})", figure(value)),
                    None => format!("not computable: {why}"),
                },
            };
            [mark.to_owned(), test.name.clone(), test.measure.clone(), effect, p_said(test)]
        };
        let columns = [
            ("", Align::Left),
            ("Test", Align::Left),
            ("Effect", Align::Left),
            ("Estimate", Align::Left),
            ("p", Align::Left),
        ];
        let rows = std::iter::once(row("main", &of.main))
            .chain(of.sensitivity.iter().map(|t| row("sensitivity", t)));
        text.table(&columns, rows);
    }

    fn subgroups(&self, text: &mut Markdown) {
        text.heading(2, "Pre-specified subgroups");
        text.paragraph("Effects within subgroups are unadjusted and exploratory. A difference between subgroups is judged by the interaction test alone, never by one level being significant and another not.");
        for endpoint in self.results.endpoints {
            let Some(forest) = endpoint.forest.as_ref().filter(|f| !f.subgroups.is_empty()) else { continue };
            text.heading(3, &endpoint.label);
            let columns = [
                ("Subgroup", Align::Left),
                ("Level", Align::Left),
                ("Comparison", Align::Left),
                ("n", Align::Right),
                (forest.measure.as_str(), Align::Left),
                ("p", Align::Left),
                ("p for interaction", Align::Left),
            ];
            let mut rows = Vec::new();
            for subgroup in &forest.subgroups {
                let p = subgroup
                    .interaction_p
                    .as_ref()
                    .map_or_else(|why| format!("not computable: {why}"), |p| p_text(*p));
                if subgroup.levels.is_empty() {
                    rows.push([
                        subgroup.label.clone(),
                        "none".into(),
                        String::new(),
                        String::new(),
                        String::new(),
                        String::new(),
                        p.clone(),
                    ]);
                }
                for (level, cells) in &subgroup.levels {
                    for cell in cells {
                        let effect = cell.estimate.as_ref().map_or_else(
                            |why| format!("not computable: {why}"),
                            |e| estimate_text(e, self.frame.level),
                        );
                        let n = format!("{} and {}", cell.n.0, cell.n.1);
                        rows.push([
                            subgroup.label.clone(),
                            level.clone(),
                            self.frame.arm(cell.arm).to_owned(),
                            n,
                            effect,
                            cell.p.as_ref().map_or_else(|_| "–".to_owned(), |p| p_text(*p)),
                            p.clone(),
                        ]);
                    }
                }
                if subgroup.without_level > 0 {
                    rows.push([
                        subgroup.label.clone(),
                        "(missing)".into(),
                        "in no level".into(),
                        subgroup.without_level.to_string(),
                        String::new(),
                        String::new(),
                        String::new(),
                    ]);
                }
            }
            text.table(&columns, rows);
        }
    }

    fn multiplicity(&self, text: &mut Markdown) {
        text.heading(2, "Multiplicity");
        text.paragraph(&markdown_escaped(&self.results.multiplicity.statement));
        text.paragraph(&markdown_escaped(&self.results.multiplicity.gate));
        let columns = [
            ("Family", Align::Left),
            ("Hypothesis", Align::Left),
            ("p", Align::Left),
            ("Holm", Align::Left),
            ("Hochberg", Align::Left),
            ("Conclusion", Align::Left),
        ];
        let mut rows = Vec::new();
        for endpoint in self.results.endpoints {
            for comparison in &endpoint.comparisons {
                let Some(adjusted) = &comparison.adjusted else { continue };
                let hypothesis = format!(
                    "{}: {} against {}",
                    endpoint.label,
                    self.frame.arm(comparison.arm),
                    self.frame.reference_name()
                );
                rows.push([
                    endpoint.role.name().to_owned(),
                    hypothesis,
                    p_said(&comparison.main),
                    p_text(adjusted.holm),
                    p_text(adjusted.hochberg),
                    adjusted.conclusion.clone(),
                ]);
            }
        }
        text.table(&columns, rows);
    }

    fn missing(&self, text: &mut Markdown) {
        text.heading(2, "Missing values");
        text.paragraph("Subjects without a value are left out of the analysis of that value only (complete cases). That is unbiased if, within an arm, whether a value is missing does not depend on the value; the data cannot show it. The counts are with each endpoint.");
        let said: Vec<String> = self
            .results
            .endpoints
            .iter()
            .flat_map(|e| e.missing.iter().map(|m| markdown_escaped(&format!("{}. {m}", e.label))))
            .collect();
        if said.is_empty() {
            text.paragraph("No sensitivity statement is needed or possible: no compared arm lacks values, or an arm has none.");
        }
        text.bullets(said);
    }

    fn assumptions(&self, text: &mut Markdown) {
        text.heading(2, "Checks of assumptions");
        for endpoint in self.results.endpoints.iter().filter(|e| !e.assumptions.is_empty()) {
            text.heading(3, &endpoint.label);
            text.bullets(endpoint.assumptions.iter().map(|a| markdown_escaped(a)));
        }
    }

    /// Everything that has a reason instead of a figure.
    fn not_computed(&self, text: &mut Markdown) {
        text.heading(2, "Deviations and what could not be computed");
        let mut said = Vec::new();
        for endpoint in self.results.endpoints {
            if let Some(why) = &endpoint.not_computable {
                said.push(format!("{}: {why}.", endpoint.label));
                continue;
            }
            for comparison in &endpoint.comparisons {
                for test in std::iter::once(&comparison.main).chain(&comparison.sensitivity) {
                    let name = format!(
                        "{}, {} against {}, {}",
                        endpoint.label,
                        self.frame.arm(comparison.arm),
                        self.frame.reference_name(),
                        test.name
                    );
                    if let Some(why) = test.estimate.as_ref().err().filter(|why| *why != NO_ESTIMATE) {
                        let part = if test.point.is_some() { ", interval" } else { "" };
                        said.push(format!("{name}, {}{part}: {why}.", test.measure));
                    }
                    if let Err(why) = &test.p {
                        said.push(format!("{name}, p: {why}."));
                    }
                }
            }
            let without = endpoint.json.get("cox_adjusted").and_then(|model| model["not_fitted"].as_object());
            for (path, why) in without.into_iter().flatten() {
                let why = why.as_str().unwrap_or_default();
                said.push(format!("{}, adjusted Cox model: fitted without {path}: {why}.", endpoint.label));
            }
            for subgroup in endpoint.forest.iter().flat_map(|f| &f.subgroups) {
                if let Err(why) = &subgroup.interaction_p {
                    said.push(format!("{}, interaction with {}: {why}.", endpoint.label, subgroup.label));
                }
            }
        }
        if said.is_empty() {
            text.paragraph("Every planned figure was computed.");
        }
        text.bullets(said.iter().map(|s| markdown_escaped(s)));
        let replaced = |c: &&Comparison| c.sensitivity.iter().any(|t| t.name == COVARIANCE);
        let deviations: Vec<String> = self
            .results
            .endpoints
            .iter()
            .flat_map(|e| e.comparisons.iter().filter(replaced).map(move |c| (e, c)))
            .map(|(e, c)| {
                let why = format!(
                    "{}, {}: the main test is {}, because this is {}.",
                    e.label,
                    self.frame.arm(c.arm),
                    c.main.name,
                    c.why
                );
                markdown_escaped(&why)
            })
            .collect();
        text.paragraph(if deviations.is_empty() {
            "No main test deviates from the protocol that was read; what the protocol left open was filled by the rules under Methods."
        } else {
            "Deviations from the protocol that was read:"
        });
        text.bullets(deviations);
    }
}

fn p_said(test: &Test) -> String {
    match &test.p {
        Ok(p) => p_text(*p),
        Err(why) => format!("not computable: {why}"),
    }
}
