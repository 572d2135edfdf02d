//! The dashboard in a real browser: what it shows by value, and that no ticket's text becomes markup.
//!
//! Needs `chromium` on PATH; without it the tests say SKIPPED, and fail where the environment variable `CI` is set.
//! With `HEDDLE_DASHBOARD_GALLERY` set to a directory the pages are written there, to be looked at.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};

use heddle_sdk::testing::TestRun;
use serde_json::{Value, json};

mod analytics_support;
mod common;

use analytics_support::{chain, run, ticket};

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// The page in a folder of its own, removed at the end.
struct Page {
    folder: PathBuf,
}

impl Page {
    fn of(name: &str, run: &TestRun) -> Self {
        let unique =
            format!("heddle-dashboard-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(unique);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("dashboard.html"), run.bytes("dashboard.html")).unwrap();
        if let Some(gallery) = std::env::var_os("HEDDLE_DASHBOARD_GALLERY") {
            let gallery = PathBuf::from(gallery).join(name);
            fs::create_dir_all(&gallery).unwrap();
            for (file, bytes) in &run.files {
                fs::write(gallery.join(file), bytes).unwrap();
            }
        }
        Self { folder }
    }

    /// The page's DOM as the browser has it after the script ran, with the filters that the hash gives.
    fn dom(&self, hash: &str) -> String {
        let profile = self.folder.join(format!("profile-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        let output = Command::new("chromium")
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--window-size=1280,900", "--virtual-time-budget=4000", "--dump-dom"])
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg(format!("file://{}{hash}", self.folder.join("dashboard.html").display()))
            .stderr(Stdio::null())
            .output()
            .unwrap();
        let dom = String::from_utf8(output.stdout).unwrap();
        assert!(
            dom.contains("data-ready=\"true\""),
            "the script did not run to its end: {}",
            &dom[..dom.len().min(400)]
        );
        dom
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.folder));
    }
}

fn browser() -> bool {
    let there =
        Command::new("chromium").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if there.is_ok_and(|status| status.success()) {
        return true;
    }
    assert!(std::env::var_os("CI").is_none(), "chromium is not on PATH; it must be there in CI");
    println!("SKIPPED: chromium is not on PATH");
    false
}

/// The text of the element that `start` opens, up to `end`, without tags.
fn text(dom: &str, start: &str, end: &str) -> String {
    let from = dom.find(start).unwrap_or_else(|| panic!("{start} is not on the page"));
    let part = &dom[from..];
    let part = &part[..part[1..].find(end).unwrap() + 1];
    let mut plain = String::new();
    let mut tag = false;
    for c in part.chars() {
        match c {
            '<' => tag = true,
            '>' => tag = false,
            c if !tag => plain.push(c),
            _ => {}
        }
    }
    plain
}

fn kpi(dom: &str, key: &str) -> String {
    let start = dom.find(&format!("data-kpi=\"{key}\"")).unwrap_or_else(|| panic!("no tile {key}"));
    text(&dom[start..], "<div class=\"value", "<div class=\"delta")
}

/// The ids of the rows that the table shows. The embedded data names none of them in this form.
fn rows(dom: &str) -> Vec<&str> {
    dom.split("<tr data-id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

#[test]
fn real_tickets_by_value() {
    if !browser() {
        return;
    }
    let Some((input, _)) = common::case("jest_operations") else { return };
    let page = Page::of("jest", &chain(&input));
    let dom = page.dom("");
    assert_eq!(kpi(&dom, "tickets"), "1,178");
    assert_eq!(kpi(&dom, "open"), "76");
    assert_eq!(kpi(&dom, "sla"), "37.2 %");
    // 1440.13 hours.
    assert_eq!(kpi(&dom, "median"), "60 d median");
    assert_eq!(kpi(&dom, "response"), "–");
    assert_eq!(rows(&dom).len(), 25);
    assert!(text(&dom, "<p class=\"note\" id=\"table-note\">", "</p>").ends_with("1–25 of 1,178 tickets"));
    assert!(dom.contains("Not computable: no ticket has both created_at and first_response_at."));
    // 165 tickets of contributors: 59 met and 106 breached.
    let dom = page.dom("#tier=contributor&sort=id&page=7");
    assert_eq!((kpi(&dom, "tickets"), kpi(&dom, "sla")), ("165 of 1,178".to_owned(), "35.8 %".to_owned()));
    assert_eq!(rows(&dom).len(), 165 - 6 * 25);
    // The weeks of 16 and 23 September have seven and three tickets, all created before the 30th.
    let dom = page.dom("#from=2024-09-16&to=2024-09-29");
    assert_eq!((kpi(&dom, "tickets"), rows(&dom).len()), ("10 of 1,178".to_owned(), 10));
    let dom = page.dom("#q=no%20such%20words%20anywhere");
    assert_eq!((kpi(&dom, "tickets"), rows(&dom).len()), ("0 of 1,178".to_owned(), 0));
}

/// The sample that the repository ships.
#[test]
fn sample_by_value() {
    if !browser() {
        return;
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/sample/tickets.json");
    let input: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let run = chain(&input);
    let n = input["ticket_data"].as_array().unwrap().len();
    let page = Page::of("sample", &run);
    let dom = page.dom("");
    assert_eq!(kpi(&dom, "tickets"), n.to_string());
    let open = run.output()["metrics"]["resolution_hours"]["open_at_as_of"].as_u64().unwrap();
    assert_eq!(kpi(&dom, "open"), open.to_string());
    let pct = run.output()["metrics"]["sla"]["overall_compliance_pct"].as_f64().unwrap();
    assert_eq!(kpi(&dom, "sla"), format!("{pct:.1} %"));
    // The 28 days up to as_of (28 September, 06:00) against the 28 days before them, counted from the input.
    let created: Vec<jiff::Timestamp> = input["ticket_data"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|t| t["created_at"].as_str()?.parse().ok())
        .collect();
    let as_of: jiff::Timestamp = input["as_of"].as_str().unwrap().parse().unwrap();
    let within = |from: i64, to: i64| {
        let (from, to) = (as_of.as_second() - from * 86_400, as_of.as_second() - to * 86_400);
        created.iter().filter(|at| at.as_second() > from && at.as_second() <= to).count()
    };
    let (now, before) = (within(28, 0), within(56, 28));
    let sign = if now > before { '\u{25b2}' } else { '\u{25bc}' };
    let tile = &dom[dom.find("data-kpi=\"tickets\"").unwrap()..];
    let delta = text(tile, "<div class=\"delta", "</div>");
    assert_eq!(delta, format!("Last 28 d: {now} ({sign} {})", now.abs_diff(before)));
    let load = run.output()["metrics"]["team_load"].as_object().unwrap().values();
    assert_eq!(load.map(|l| l["created_last_28_days"].as_u64().unwrap()).sum::<u64>(), now as u64);
    let p0 = run.output()["metrics"]["priority_mix"]["P0"]["n"].as_u64().unwrap();
    let dom = page.dom("#priority=P0");
    assert_eq!(kpi(&dom, "tickets"), format!("{p0} of {n}"));
    assert_eq!(rows(&dom).len() as u64, p0.min(25));
}

/// Texts that try to be markup, script, or the end of the data block.
#[test]
fn hostile_texts_are_inert() {
    if !browser() {
        return;
    }
    let bad =
        "</script><img src=x onerror=\"document.title='OWNED'\"><script>document.title='OWNED'</script>";
    let more = json!({ "product": bad, "customer_tier": "<svg onload=document.title='OWNED'>", "assignee": "\u{202e}<b>x", "category": "a,b & <i>" });
    let tickets = json!([
        ticket(bad, "2024-03-01T00:00:00Z", Some("2024-03-02T00:00:00Z"), "closed", more.clone()),
        ticket(
            "T2",
            "2024-03-04T00:00:00Z",
            None,
            "open",
            json!({ "subject": bad, "product": "__proto__", "category": "constructor" })
        ),
        ticket("=1+1", "2024-03-05T00:00:00Z", None, "open", more),
    ]);
    let page = Page::of("hostile", &run(&tickets, "2024-03-20T00:00:00Z", json!({})));
    let dom = page.dom("");
    assert!(dom.contains("<title>Ticket analysis</title>"), "a script of the input ran");
    assert!(
        !dom.contains("<img") && !dom.contains("<svg onload") && !dom.contains("<b>x"),
        "a text became markup"
    );
    assert!(dom.contains("&lt;/script&gt;&lt;img src=x onerror="), "the subject is not shown as it is");
    assert_eq!((kpi(&dom, "tickets"), rows(&dom).len()), ("3".to_owned(), 3));
    // A category with a comma in it is still one filter; what is in the hash is no markup either.
    let dom = page.dom("#category=a%2Cb%20%26%20%3Ci%3E");
    assert_eq!(kpi(&dom, "tickets"), "2 of 3");
    let dom = page.dom("#q=%3Cimg%20src%3Dx%20onerror%3D%22document");
    assert!(!dom.contains("<img"));
    assert_eq!(kpi(&dom, "tickets"), "2 of 3");
    let dom = page.dom("#category=constructor");
    assert_eq!((kpi(&dom, "tickets"), rows(&dom)), ("1 of 3".to_owned(), vec!["T2"]));
}

#[test]
fn poor_pages_still_work() {
    if !browser() {
        return;
    }
    let one = json!([ticket("A-1", "2024-03-01T00:00:00Z", None, "open", json!({}))]);
    let dom = Page::of("one", &run(&one, "2024-03-20T00:00:00Z", json!({}))).dom("");
    assert_eq!(
        (kpi(&dom, "tickets"), kpi(&dom, "open"), rows(&dom)),
        ("1".to_owned(), "1".to_owned(), vec!["A-1"])
    );
    let undated = json!([{ "id": "A", "subject": "a", "description": "" }, { "id": "B", "subject": "b", "description": "" }]);
    let page = Page::of("undated", &run(&undated, "2024-03-20T00:00:00Z", json!({})));
    let dom = page.dom("");
    assert_eq!(
        (kpi(&dom, "tickets"), kpi(&dom, "open"), rows(&dom).len()),
        ("2".to_owned(), "–".to_owned(), 2)
    );
    assert!(dom.contains("Not computable: no ticket has a creation date at or before as_of."));
    assert_eq!(rows(&page.dom("#q=b")), ["B"]);
    let none = Page::of("none", &run(&json!([]), "2024-03-20T00:00:00Z", json!({}))).dom("");
    assert!(!text(&none, "<footer id=\"footer\">", "</footer>").contains("null"));
    assert_eq!((kpi(&none, "tickets"), rows(&none).len()), ("0".to_owned(), 0));
}

/// Half a thousand tickets without a state, six years of silence before as_of, three categories.
#[test]
fn unlabelled_tickets_by_value() {
    if !browser() {
        return;
    }
    let Some((input, _)) = common::case("react_vscode") else { return };
    let page = Page::of("react_vscode", &chain(&input));
    let dom = page.dom("");
    // Nobody knows how many of the 500 are open.
    assert_eq!((kpi(&dom, "tickets"), kpi(&dom, "open")), ("600".to_owned(), "0 of 100 known".to_owned()));
    assert!(
        dom.contains("Not computable: 500 of 600 dated tickets state neither a status nor a resolution date")
    );
    assert!(dom.contains("500 of 600 tickets have neither a status nor a resolution date"));
    assert!(dom.contains("a silence is no ground for a forecast"));
    assert_eq!(kpi(&page.dom("#tier=internal"), "tickets"), "9 of 600");
}

#[test]
fn five_thousand_tickets() {
    if !browser() {
        return;
    }
    let tickets: Vec<Value> = (0..5000_u64)
        .map(|k| {
            let (day, hour) = (k * 7919 % 360, k * 31 % 24);
            let created = format!("2024-{:02}-{:02}T{hour:02}:00:00Z", day / 30 + 1, day % 28 + 1);
            let more =
                json!({ "product": format!("product {}", k % 7), "category": format!("category {}", k % 5) });
            ticket(&format!("T-{k}"), &created, None, "open", more)
        })
        .collect();
    let page = Page::of("five_thousand", &run(&json!(tickets), "2025-01-01T00:00:00Z", json!({})));
    let dom = page.dom("#category=category%201&product=product%203&page=2");
    // k = 1 modulo 5 and 3 modulo 7: one in 35.
    let wanted = (0..5000).filter(|k| k % 5 == 1 && k % 7 == 3).count();
    assert_eq!(kpi(&dom, "tickets"), format!("{wanted} of 5,000"));
    assert_eq!(rows(&dom).len(), 25);
}
