//! Where bars, category labels and value labels go, in both orientations.

use super::axis;
use super::bar::{BarChart, Grouping};
use super::canvas::{Anchor, Canvas, Rect, Theme, Type};
use super::names::Names;
use super::palette::{AXIS, Colour, INK, PAPER};
use super::scale::{Scale, value_label};
use super::text;

/// Share of a category's slot that its bars fill.
const FILL: f64 = 0.78;
/// The most of the width that category names may take.
const NAME_SHARE: f64 = 0.36;
/// A bar wider than this looks like a wall (one or two categories).
const WIDEST_BAR: f64 = 130.0;

pub(super) fn least_horizontal(chart: &BarChart, theme: Theme) -> (f64, f64) {
    let row = (theme.small * 1.12 * chart.bars_abreast() as f64 / FILL).max(Theme::line(theme.small) * 1.05);
    let axis_room = theme.small * 2.0 + axis::title_room(&chart.value_axis, theme);
    (420.0, row * chart.categories.len() as f64 + axis_room)
}

pub(super) fn least_vertical(chart: &BarChart, theme: Theme) -> (f64, f64) {
    let slot = (7.0 * chart.bars_abreast() as f64 / FILL).max(Theme::line(theme.small));
    (slot * chart.categories.len() as f64 + 110.0, 300.0)
}

/// The text beside or on the end of a bar.
fn label_of(chart: &BarChart, value: f64) -> String {
    value_label(value, chart.value_axis.decimals)
}

fn widest_label(chart: &BarChart, theme: Theme) -> f64 {
    chart.ends().iter().map(|v| text::width(&label_of(chart, *v), theme.small, false)).fold(0.0, f64::max)
}

/// Draws the parts of one stacked bar along an axis from `place(0)`; `shape` turns the two ends into a rectangle.
fn stack(
    chart: &BarChart,
    canvas: &mut Canvas,
    category: usize,
    place: impl Fn(f64) -> f64,
    shape: impl Fn(f64, f64) -> Rect,
    room_for: impl Fn(&Rect) -> f64,
) {
    let size = canvas.theme.small;
    let mut base = 0.0;
    for (at, (_, values)) in chart.series.iter().enumerate() {
        let value = values[category];
        let part = shape(place(base), place(base + value));
        base += value;
        if value <= 0.0 {
            continue;
        }
        let colour = Colour::series(at);
        canvas.rect(part, PAPER, 1.0);
        let rim = if part.w.min(part.h) > 5.0 { 0.7 } else { 0.0 };
        canvas.rect(part.without(rim, rim, rim, rim), colour, 1.0);
        let label = label_of(chart, value);
        if text::width(&label, size, false) + 6.0 <= room_for(&part) && part.h >= size * 1.1 {
            let style = Type::new(size, Anchor::Middle).ink(colour.readable_ink());
            canvas.text(&label, part.x + part.w / 2.0, part.y + part.h / 2.0, style);
        }
    }
}

pub(super) fn draw_horizontal(chart: &BarChart, canvas: &mut Canvas, area: Rect) {
    let theme = canvas.theme;
    let size = theme.small;
    let title_left = axis::title_room(&chart.category_axis, theme);
    let bottom = size * 2.0 + axis::title_room(&chart.value_axis, theme);
    let rows = chart.categories.len() as f64;
    let slot = (area.h - bottom) / rows;
    let lines = ((slot / Theme::line(size)).floor() as usize).clamp(1, 3);
    let names: Vec<Vec<String>> =
        chart.categories.iter().map(|c| text::wrapped(c, size, false, area.w * NAME_SHARE, lines)).collect();
    let name_room = names.iter().flatten().map(|l| text::width(l, size, false)).fold(0.0, f64::max) + 10.0;

    let scale = chart.scale(6);
    let label_room = widest_label(chart, theme) + 10.0;
    let left_of_zero = if scale.lo < 0.0 { label_room } else { 0.0 };
    let plot = area.without(title_left + name_room + left_of_zero, 0.0, label_room, bottom);
    axis::horizontal_numbers(canvas, &scale, plot);
    axis::vertical_title(canvas, &chart.category_axis, area.x, plot);
    axis::horizontal_title(canvas, &chart.value_axis, area.bottom() - theme.label / 2.0, plot);

    let place = |v: f64| scale.place(v, plot.x, plot.right());
    let thickness = (slot * FILL / chart.bars_abreast() as f64).min(WIDEST_BAR * 0.6);
    for (category, name) in names.iter().enumerate() {
        let middle = plot.y + slot * (category as f64 + 0.5);
        let first_line = middle - (name.len() as f64 - 1.0) / 2.0 * Theme::line(size);
        canvas.lines(name, area.x + title_left + name_room - 10.0, first_line, Type::new(size, Anchor::End));
        let top = middle - thickness * chart.bars_abreast() as f64 / 2.0;
        if chart.grouping == Grouping::Stacked {
            let shape = |from: f64, to: f64| Rect { x: from, y: top, w: to - from, h: thickness };
            stack(chart, canvas, category, place, shape, |part| part.w);
            let total = chart.total(category);
            canvas.text(
                &label_of(chart, total),
                place(total) + 6.0,
                middle,
                Type::new(size, Anchor::Start).bold(),
            );
            continue;
        }
        for (at, (_, values)) in chart.series.iter().enumerate() {
            let value = values[category];
            let (zero, end) = (place(0.0), place(value));
            let y = top + at as f64 * thickness;
            canvas.rect(
                Rect { x: zero.min(end), y, w: (end - zero).abs(), h: thickness * bar_share(chart) },
                Colour::series(at),
                1.0,
            );
            let (x, anchor) = if value < 0.0 { (end - 6.0, Anchor::End) } else { (end + 6.0, Anchor::Start) };
            canvas.text(&label_of(chart, value), x, y + thickness / 2.0, Type::new(size, anchor));
        }
    }
    let zero = place(0.0);
    canvas.line((zero, plot.y), (zero, plot.bottom()), AXIS, 1.4, false);
}

/// Bars in a group leave a hair between each other.
fn bar_share(chart: &BarChart) -> f64 {
    if chart.bars_abreast() > 1 { 0.92 } else { 1.0 }
}

pub(super) fn draw_vertical(chart: &BarChart, canvas: &mut Canvas, area: Rect) {
    let theme = canvas.theme;
    let size = theme.small;
    let scale: Scale = chart.scale(((area.h / 75.0) as usize).clamp(3, 8));
    let count = chart.categories.len() as f64;
    let numbers = axis::title_room(&chart.value_axis, theme) + axis::label_room(&scale, theme);
    let first_guess = (area.w - numbers) / count;
    let names = Names::choose(&chart.categories, theme, first_guess, (area.h * 0.34).min(230.0));
    let left = numbers.max((names.reach_left(size) - first_guess / 2.0).min(area.w * 0.3));

    let slot = (area.w - left) / count;
    let thickness = (slot * FILL / chart.bars_abreast() as f64).min(WIDEST_BAR);
    let widest = widest_label(chart, theme);
    let label_space = if chart.bars_abreast() > 1 { thickness } else { slot };
    let labels = if widest + 4.0 <= label_space {
        Labels::Level
    } else if thickness >= size * 1.05 {
        Labels::Turned
    } else {
        Labels::None
    };
    let end_room = match labels {
        Labels::Level => size * 1.6,
        Labels::Turned => widest + 10.0,
        Labels::None => size * 0.6,
    };
    let below = if scale.lo < 0.0 { end_room } else { 0.0 };
    let bottom = names.height(size) + axis::title_room(&chart.category_axis, theme) + below;
    let plot = area.without(left, end_room, 0.0, bottom);

    axis::vertical_numbers(canvas, &scale, plot);
    axis::vertical_title(canvas, &chart.value_axis, area.x, plot);
    axis::horizontal_title(canvas, &chart.category_axis, area.bottom() - theme.label / 2.0, plot);
    names.draw(canvas, Rect { h: plot.h + below, ..plot }, slot);

    let place = |v: f64| scale.place(v, plot.bottom(), plot.y);
    for category in 0..chart.categories.len() {
        let middle = plot.x + slot * (category as f64 + 0.5);
        let start = middle - thickness * chart.bars_abreast() as f64 / 2.0;
        if chart.grouping == Grouping::Stacked {
            let shape = |from: f64, to: f64| Rect { x: start, y: to, w: thickness, h: from - to };
            stack(chart, canvas, category, place, shape, |part| part.w);
            let total = chart.total(category);
            labels.draw(canvas, &label_of(chart, total), middle, place(total), false);
            continue;
        }
        for (at, (_, values)) in chart.series.iter().enumerate() {
            let value = values[category];
            let (zero, end) = (place(0.0), place(value));
            let x = start + at as f64 * thickness;
            canvas.rect(
                Rect { x, y: zero.min(end), w: thickness * bar_share(chart), h: (end - zero).abs() },
                Colour::series(at),
                1.0,
            );
            let label = label_of(chart, value);
            labels.draw(canvas, &label, x + thickness * bar_share(chart) / 2.0, end, value < 0.0);
        }
    }
    canvas.line((plot.x, place(0.0)), (plot.right(), place(0.0)), AXIS, 1.4, false);
}

/// How the value labels of vertical bars stand, so that neighbours never touch.
enum Labels {
    Level,
    Turned,
    None,
}

impl Labels {
    fn draw(&self, canvas: &mut Canvas, label: &str, x: f64, end: f64, downward: bool) {
        let size = canvas.theme.small;
        let away = if downward { 1.0 } else { -1.0 };
        match self {
            Labels::Level => {
                canvas.text(label, x, end + away * size * 0.75, Type::new(size, Anchor::Middle).ink(INK));
            }
            Labels::Turned => {
                let anchor = if downward { Anchor::End } else { Anchor::Start };
                canvas.text(label, x, end + away * 6.0, Type::new(size, anchor).turned(-90.0));
            }
            Labels::None => {}
        }
    }
}
