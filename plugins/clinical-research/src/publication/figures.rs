//! The figures with their numbers and captions, and the package of them.

use heddle_kit::{
    archive::{Archive, ArchiveError},
    document::{Picture, Text},
    plot::Figure,
    report::Markdown,
};
use jiff::Timestamp;

use super::{
    design::Design,
    flow, say,
    sources::{EndpointResult, Sources},
};

/// A figure with its number.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    /// "Figure 1", "Figure S2".
    pub(super) number: String,
    /// A short name for references.
    pub(super) key: &'static str,
    /// Name in the package, without its ending.
    pub(super) file: String,
    pub(super) caption: String,
    description: String,
    /// The phase and file that it is from.
    pub(super) source: &'static str,
    figure: Figure,
    /// Whether there is more than pixels.
    pub(super) has_svg: bool,
}

impl Shown {
    /// For a document beside the package.
    pub(super) fn picture(&self) -> Picture {
        let path = format!("figures_package.zip/{}.png", self.file);
        Picture::new(self.figure.clone(), self.caption.as_str(), self.description.as_str(), path)
    }
}

/// All figures, and what is said of those that there are none of.
#[derive(Debug)]
pub(super) struct Gallery {
    pub(super) main: Vec<Shown>,
    pub(super) supplement: Vec<Shown>,
    pub(super) absent: Vec<String>,
}

/// A figure that may be shown: key, file's name, source, caption, description, and the figure or why there is none.
struct Wanted {
    key: &'static str,
    name: &'static str,
    source: &'static str,
    caption: String,
    description: String,
    figure: Result<Figure, String>,
    has_svg: bool,
}

impl Gallery {
    pub(super) fn of(sources: &Sources, design: &Design) -> Self {
        let mut absent = Vec::new();
        let mut numbered = |list: Vec<Wanted>, prefix: &str| {
            let mut shown = Vec::new();
            for wanted in list {
                match wanted.figure {
                    Ok(figure) => {
                        let at = shown.len() + 1;
                        shown.push(Shown {
                            number: format!("Figure {prefix}{at}"),
                            key: wanted.key,
                            file: format!("figure_{}{at}_{}", prefix.to_lowercase(), wanted.name),
                            caption: wanted.caption,
                            description: wanted.description,
                            source: wanted.source,
                            figure,
                            has_svg: wanted.has_svg,
                        });
                    }
                    Err(why) => absent.push(format!("{}: {why}", wanted.name.replace('_', " "))),
                }
            }
            shown
        };
        let main =
            numbered(vec![flow_of(sources, design), curves(sources, design), forest(sources, design)], "");
        let supplement = numbered(further(sources), "S");
        Self { main, supplement, absent }
    }

    /// The same figures in the order of another document, numbered anew; those that it does not show are not in it.
    pub(super) fn reordered(&self, order: &[&str]) -> Self {
        let found = order.iter().filter_map(|key| self.find(key)).cloned();
        let numbered =
            found.enumerate().map(|(at, shown)| Shown { number: format!("Figure {}", at + 1), ..shown });
        Self { main: numbered.collect(), supplement: Vec::new(), absent: self.absent.clone() }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Shown> {
        self.main.iter().chain(&self.supplement)
    }

    /// " (Figure 1)", or nothing where there is no such figure.
    pub(super) fn see(&self, key: &str) -> String {
        self.all().find(|f| f.key == key).map_or_else(String::new, |f| format!(" ({})", f.number))
    }

    pub(super) fn find(&self, key: &str) -> Option<&Shown> {
        self.all().find(|f| f.key == key)
    }

    /// `figures_package.zip`: each figure as PNG, as SVG where it has more than pixels, and their captions.
    pub(super) fn package(&self, title: &str, created: Timestamp) -> Result<Vec<u8>, ArchiveError> {
        let mut archive = Archive::new(created);
        archive.add("README.md", self.captions(title).as_bytes())?;
        for shown in self.all() {
            archive.add(&format!("{}.png", shown.file), &shown.figure.png)?;
            if shown.has_svg {
                archive.add(&format!("{}.svg", shown.file), shown.figure.svg.as_bytes())?;
            }
        }
        archive.finish()
    }

    fn captions(&self, title: &str) -> String {
        use heddle_kit::report::markdown_escaped;
        let mut out = Markdown::new("Figures");
        out.paragraph(&markdown_escaped(title));
        out.paragraph(
            "Numbered as in manuscript.md (Figure 1, 2 …) and supplementary_materials.pdf (Figure S1, S2 …).",
        );
        for shown in self.all() {
            out.heading(2, &shown.number);
            out.paragraph(&markdown_escaped(&shown.caption));
            let mut files = vec![format!("{}.png", shown.file)];
            if shown.has_svg {
                files.push(format!("{}.svg", shown.file));
            }
            out.bullets([
                format!("Files: {}", files.iter().map(|f| format!("`{f}`")).collect::<Vec<_>>().join(", ")),
                format!("Source: {}", shown.source),
                format!("For those who cannot see it: {}", markdown_escaped(&shown.description)),
            ]);
        }
        if !self.absent.is_empty() {
            out.heading(2, "Figures that there are none of");
            out.bullets(self.absent.iter().map(|a| markdown_escaped(&say::capitalised(a))));
        }
        out.finish()
    }
}

fn png(sources: &Sources, name: &'static str) -> Result<Figure, String> {
    let bytes = sources.pictures.get(name).ok_or_else(|| format!("{name} was not made"))?;
    Figure::from_png(bytes.clone()).map_err(|error| error.to_string())
}

fn flow_of(sources: &Sources, design: &Design) -> Wanted {
    let flow = &sources.head.flow;
    let assigned: usize = flow.arms.iter().map(|arm| arm.subjects).sum();
    Wanted {
        key: "flow",
        name: "participant_flow",
        source: "publication_package, from the flow of validated_data.json and the primary endpoint of efficacy_results.json",
        caption: format!(
            "Flow of participants from the records received to each analysis. How many were assessed for eligibility is not in the data. {}",
            if flow.arms.iter().any(|a| a.completed.is_none()) { "The data do not say who completed the study." } else { "" }
        )
        .trim_end()
        .to_owned(),
        description: format!(
            "Boxes from {} received over {} to {} {}, then a column for each of {}.",
            say::counted(flow.subject_records, "subject record", "subject records"),
            say::counted(flow.subjects, "subject", "subjects"),
            say::count(assigned),
            design.verb(),
            say::counted(flow.arms.len(), "arm", "arms")
        ),
        figure: flow::diagram(sources, design).map_err(|error| error.to_string()),
        has_svg: true,
    }
}

fn curves(sources: &Sources, design: &Design) -> Wanted {
    let times: Vec<String> = sources
        .efficacy
        .time_to_event
        .iter()
        .filter(|e| e.reason().is_none())
        .map(|e| e.label.clone())
        .collect();
    Wanted {
        key: "curves",
        name: "kaplan_meier",
        source: "efficacy_analysis, kaplan_meier.png",
        caption: format!(
            "Kaplan–Meier estimates: {}. Bands are pointwise {} intervals (log-log); marks are censored subjects; numbers at risk are below.",
            say::listed(&times),
            design.level
        ),
        description: "Survival curves by arm with confidence bands, censoring marks and numbers at risk."
            .to_owned(),
        figure: if times.is_empty() {
            Err("no time to an event could be analysed".to_owned())
        } else {
            png(sources, "kaplan_meier.png")
        },
        has_svg: false,
    }
}

fn forest(sources: &Sources, design: &Design) -> Wanted {
    let primary = sources.efficacy.primary().filter(|p| p.reason().is_none());
    let label = primary.map_or(String::new(), |p| p.label.clone());
    let figure = match primary {
        None => Err("there is no primary endpoint that could be analysed".to_owned()),
        Some(_) if design.arms.len() < 2 => Err("there is nothing to compare with one arm".to_owned()),
        Some(_) if sources.efficacy.subgroups().is_empty() => {
            Err("the protocol names no subgroups".to_owned())
        }
        Some(_) => png(sources, "forest_plot.png"),
    };
    Wanted {
        key: "forest",
        name: "forest_plot",
        source: "efficacy_analysis, forest_plot.png",
        caption: format!(
            "Subgroups that the protocol names; {} ({label}): unadjusted estimates with {} intervals. Exploratory, not adjusted for \
             multiplicity.",
            primary.map_or("primary outcome", EndpointResult::primary_name),
            design.level
        ),
        description:
            "Forest plot: an estimate and its interval for all subjects and for each level of each subgroup."
                .to_owned(),
        figure,
        has_svg: false,
    }
}

fn further(sources: &Sources) -> Vec<Wanted> {
    let of = |key, name, source, file, caption: &str, description: &str| Wanted {
        key,
        name,
        source,
        caption: caption.to_owned(),
        description: description.to_owned(),
        figure: png(sources, file),
        has_svg: false,
    };
    let has_events = !sources.safety.safety.overview.is_empty() || !sources.safety.labs.by_test.is_empty();
    let mut safety = of(
        "safety",
        "safety_profile",
        "safety_analysis, safety_profile.png",
        "safety_profile.png",
        "Safety profile: adverse events and laboratory values by arm.",
        "Adverse events by arm, with differences from the reference.",
    );
    if !has_events {
        safety.figure = Err("the data have neither adverse events nor laboratory values".to_owned());
    }
    vec![
        of(
            "cohort",
            "cohort",
            "cohort_analysis, cohort_visualizations.png",
            "cohort_visualizations.png",
            "Baseline characteristics and the balance of the arms (standardised mean differences).",
            "Distributions at baseline by arm, and standardised differences.",
        ),
        safety,
        of(
            "quality",
            "data_quality",
            "data_validation, data_quality_metrics.png",
            "data_quality_metrics.png",
            "Quality of the data received: completeness and findings.",
            "Missing values by field, and counts of findings.",
        ),
    ]
}

/// What stands in a document where there is no figure.
pub(super) fn absent(gallery: &Gallery) -> Vec<Text> {
    gallery.absent.iter().map(|a| Text::from(format!("No figure of {}.", a.trim_end_matches('.')))).collect()
}
