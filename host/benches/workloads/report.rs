//! The figures as a page: a table with the ratios to what the machine can do, and a plot.

use std::fmt::Write as _;

use super::figures::{Column, Figures, shown};

/// A figure: its name, its unit with what it is, what is aimed at, and what of a column meets that.
struct Line {
    name: &'static str,
    what: &'static str,
    aim: &'static str,
    /// The figure beside what the machine itself can do.
    ratio: fn(&Column) -> Option<(f64, &'static str)>,
}

fn none(_: &Column) -> Option<(f64, &'static str)> {
    None
}

fn per_sync(column: &Column, name: &str) -> Option<(f64, &'static str)> {
    Some((column.get(name)? / column.get("sync_ms")?, "syncs"))
}

const LINES: &[Line] = &[
    Line { name: "sync_ms", what: "one synced append of 4 KiB, ms (median)", aim: "", ratio: none },
    Line { name: "syncs_per_s", what: "synced appends a second", aim: "", ratio: none },
    Line {
        name: "sqlite_commits_per_s",
        what: "SQLite commits of one row a second (WAL, FULL)",
        aim: "",
        ratio: none,
    },
    Line {
        name: "bare_call_us",
        what: "a bare wasmtime call: store, instance, call, drop, µs",
        aim: "",
        ratio: none,
    },
    Line {
        name: "chain10_p50_ms",
        what: "chain of 10, one at a time, p50, ms",
        aim: "2 syncs + 1.5 ms",
        ratio: |column| per_sync(column, "chain10_p50_ms"),
    },
    Line {
        name: "chain10_p99_ms",
        what: "the same, p99, ms",
        aim: "",
        ratio: |column| per_sync(column, "chain10_p99_ms"),
    },
    Line {
        name: "chain40_ms",
        what: "chain of 40, ms",
        aim: "",
        ratio: |column| per_sync(column, "chain40_ms"),
    },
    Line {
        name: "chain1000_ms",
        what: "chain of 1,000, ms",
        aim: "",
        ratio: |column| Some((column.get("chain1000_ms")?, "µs a step")),
    },
    Line {
        name: "chain10000_ms",
        what: "chain of 10,000, ms",
        aim: "10 × that of 1,000",
        ratio: |column| Some((column.get("chain10000_ms")? / 10.0, "µs a step")),
    },
    Line {
        name: "steps_per_s",
        what: "1,000 runs of 10 steps, 64 at a time, steps/s",
        aim: "25,000",
        ratio: |column| {
            Some((column.get("steps_per_s")? / column.get("sqlite_commits_per_s")?, "steps a commit"))
        },
    },
    Line {
        name: "host_cpu_us_per_step",
        what: "processor time of the server for each of these steps, µs",
        aim: "",
        ratio: |column| {
            Some((column.get("host_cpu_us_per_step")? / column.get("bare_call_us")?, "bare calls"))
        },
    },
    Line {
        name: "step_cpu_us",
        what: "the same without the guest (a bare call), µs",
        aim: "40",
        ratio: none,
    },
    Line { name: "fanout_1000_ms", what: "fan-out of 1,000 and join, ms", aim: "150", ratio: none },
    Line {
        name: "fanout_10000_ms",
        what: "fan-out of 10,000 and join, ms",
        aim: "10 × that of 1,000",
        ratio: |column| {
            Some((column.get("fanout_10000_ms")? / column.get("fanout_1000_ms")?, "× that of 1,000"))
        },
    },
    Line { name: "fib33x10_ms", what: "10 × fib(33), one after the other, ms", aim: "", ratio: none },
    Line {
        name: "cold_start_ms",
        what: "from the start of the process to the first finished run, ms",
        aim: "",
        ratio: none,
    },
    Line { name: "rss_mb_idle", what: "resident memory before the first run, MB", aim: "", ratio: none },
    Line {
        name: "rss_mb_after_1000_runs",
        what: "resident memory after these runs, MB",
        aim: "",
        ratio: none,
    },
    Line {
        name: "waiting_run_bytes",
        what: "resident memory for each run that waits for a person, bytes",
        aim: "500",
        ratio: none,
    },
    Line {
        name: "waiting_run_bytes_restarted",
        what: "the same after a restart, bytes",
        aim: "",
        ratio: none,
    },
    Line {
        name: "start_with_waiting_ms",
        what: "a start with 100,000 runs that wait, ms",
        aim: "",
        ratio: none,
    },
];

/// The table.
pub(crate) fn table(figures: &Figures) -> String {
    let mut text = String::from("| figure | what |");
    for (name, _) in figures.columns() {
        let _ = write!(text, " {name} | |");
    }
    text.push_str(" aim |\n|---|---|");
    figures.columns().iter().for_each(|_| text.push_str("---:|---:|"));
    text.push_str("---|\n");
    for line in LINES {
        if figures.columns().iter().all(|(_, column)| column.get(line.name).is_none()) {
            continue;
        }
        let _ = write!(text, "| `{}` | {} |", line.name, line.what);
        for (_, column) in figures.columns() {
            let value = column.get(line.name).map_or_else(String::new, shown);
            let ratio = (line.ratio)(column)
                .map_or_else(String::new, |(ratio, unit)| format!("{} {unit}", shown(ratio)));
            let _ = write!(text, " {value} | {ratio} |");
        }
        let _ = writeln!(text, " {} |", line.aim);
    }
    text
}

/// The page.
pub(crate) fn page(figures: &Figures) -> String {
    let names: Vec<&str> = figures.columns().iter().map(|(name, _)| *name).collect();
    format!(
        "# Results\n\n\
         Written by `cargo xtask bench`: everything below was measured in one run on one machine, {} cores, shared with \
         others and noisy. Compare what is in one table, and rather the ratios than the figures.\n\n\
         Durability is at its default: every commit is synced to the disk before anybody hears of it. Times are from the \
         request to the answer that the client receives, over HTTP on the same machine; steps are a WebAssembly phase that \
         does nothing.\n\n{}\n## Times\n\n{}\n## Throughput\n\n{}",
        std::thread::available_parallelism().map_or(0, usize::from),
        table(figures),
        plot(
            figures,
            &names,
            "milliseconds",
            &[
                ("chain of 10", "chain10_p50_ms"),
                ("chain of 40", "chain40_ms"),
                ("fan-out of 1,000", "fanout_1000_ms"),
                ("first run after start", "cold_start_ms"),
            ],
        ),
        plot(figures, &names, "steps a second", &[("1,000 × 10 steps, 64 at a time", "steps_per_s")]),
    )
}

/// A bar chart for each figure, in the words of Mermaid.
fn plot(figures: &Figures, names: &[&str], unit: &str, lines: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (title, figure) in lines {
        let values: Vec<f64> =
            figures.columns().iter().map(|(_, column)| column.get(figure).unwrap_or(0.0)).collect();
        let bars: Vec<String> = values.iter().map(|value| format!("{value:.2}")).collect();
        let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
        let _ = write!(
            text,
            "```mermaid\nxychart-beta horizontal\n    title \"{title}\"\n    x-axis [{}]\n    y-axis \"{unit}\"\n    \
             bar [{}]\n```\n\n",
            names.join(", "),
            bars.join(", ")
        );
    }
    text
}
