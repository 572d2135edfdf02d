//! `category_distribution.png`.

use heddle_kit::plot::{Axis, BarChart, Chart as _, Figure, Grouping, PlotError, Size};

use super::results::Output;

/// How many tickets each category has, and how sure that is.
pub(crate) fn chart(output: &Output) -> Result<Figure, PlotError> {
    let mut shown: Vec<_> = output.categories.iter().filter(|category| category.count > 0).collect();
    shown.sort_by_key(|category| std::cmp::Reverse(category.count));
    let series: [(&str, Vec<f64>); 3] = [
        ("stated by the input", shown.iter().map(|c| c.stated as f64).collect()),
        ("predicted, confidence at least 0.7", shown.iter().map(|c| c.confident as f64).collect()),
        ("predicted, less sure", shown.iter().map(|c| (c.count - c.stated - c.confident) as f64).collect()),
    ];
    let total: usize = shown.iter().map(|category| category.count).sum();
    let names = shown
        .iter()
        .map(|category| format!("{} ({:.0} %)", category.name.replace('_', " "), 100.0 * category.share));
    let chart = BarChart::new("Tickets by category")
        .subtitle(format!("{total} tickets, each in its most probable category"))
        .categories(names)
        .grouping(Grouping::Stacked)
        .category_axis(Axis::new("Category"))
        .value_axis(Axis::new("Tickets").decimals(0));
    series
        .into_iter()
        .filter(|(_, values)| values.iter().any(|value| *value > 0.0))
        .fold(chart, |chart, (name, values)| chart.series(name, values))
        .render(Size::new(1200, 640))
}
