//! What each phase does.

mod asking;

use std::{hint::black_box, panic};

use heddle_sdk::bindings::{
    Outcome, PhaseError, Problem,
    heddle::plugin::{
        artifacts::{self, Writer},
        context, log, progress,
    },
};

const MIB: usize = 1 << 20;

fn done(output: impl Into<String>) -> Result<Outcome, PhaseError> {
    Ok(Outcome::Completed(output.into()))
}

/// What the host answered, for the test to look at.
fn answers(answers: &[String]) -> Result<Outcome, PhaseError> {
    done(serde_json::json!(answers).to_string())
}

fn shown<T, E: std::fmt::Debug>(result: Result<T, E>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(error) => format!("{error:?}"),
    }
}

fn forever() -> ! {
    let mut i = 0_u64;
    loop {
        i = black_box(i.wrapping_add(1));
    }
}

#[allow(unconditional_recursion)]
fn recurse(depth: u64) -> u64 {
    black_box(recurse(black_box(depth + 1))) + 1
}

#[allow(unconditional_recursion)]
fn recurse_large(depth: u8) -> u64 {
    let frame = black_box([depth; 100_000]);
    recurse_large(depth.wrapping_add(1)) + u64::from(black_box(&frame)[usize::from(depth)])
}

fn allocate() -> ! {
    let mut kept = Vec::new();
    loop {
        kept.push(black_box(vec![1_u8; 4 * MIB]));
    }
}

fn allocate_politely() -> usize {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    loop {
        let mut more = Vec::new();
        if more.try_reserve_exact(4 * MIB).is_err() {
            return kept.len();
        }
        kept.push(black_box(more));
    }
}

fn log_panics() {
    panic::set_hook(Box::new(|info| log::write(log::Level::Error, &info.to_string())));
}

fn problems() -> Vec<Problem> {
    (0..100_000).map(|i| Problem { path: format!("/{i}"), message: "x".repeat(10) }).collect()
}

fn file(name: &str, text: &str) -> Result<Writer, artifacts::ArtifactError> {
    let writer = artifacts::create(name)?;
    writer.write(text.as_bytes())?;
    writer.finish()?;
    Ok(writer)
}

pub(crate) fn validate(phase: &str) -> Vec<Problem> {
    match phase {
        "validate_loop" => forever(),
        "validate_calls" => {
            context::now();
            Vec::new()
        }
        "validate_many" => problems(),
        _ => Vec::new(),
    }
}

#[allow(unsafe_code, reason = "two of the crimes need it")]
pub(crate) fn execute(phase: &str) -> Result<Outcome, PhaseError> {
    match phase {
        "good" => {
            log::write(log::Level::Info, "good");
            done(r#"{"good":true}"#)
        }
        "loop" => forever(),
        "allocate" => allocate(),
        "allocate_politely" => done(allocate_politely().to_string()),
        "recurse" => done(recurse(0).to_string()),
        "recurse_large" => done(recurse_large(0).to_string()),
        "unreachable" => core::arch::wasm32::unreachable(),
        // SAFETY: none; WebAssembly's own bounds are to stop it.
        "out_of_bounds" => {
            done(unsafe { (black_box(0xffff_0000_usize) as *const u8).read_volatile() }.to_string())
        }
        "panic" => {
            log_panics();
            panic!("the dog ate my homework");
        }
        "panic_huge" => {
            log_panics();
            panic!("{}", "y".repeat(8 * MIB));
        }
        "log_many" => loop {
            log::write(log::Level::Info, "spam");
        },
        "log_huge" => loop {
            log::write(log::Level::Debug, &"z".repeat(MIB));
        },
        "log_empty" => loop {
            log::write(log::Level::Trace, "");
        },
        "progress_many" => loop {
            progress::report(0.5, "again");
        },
        "progress_odd" => {
            for fraction in [0.25, f64::NAN, f64::INFINITY, -1.0] {
                progress::report(fraction, &"é".repeat(MIB / 2));
            }
            done("true")
        }
        "calls_many" => loop {
            black_box(context::now());
        },
        "output_huge" => done(format!("\"{}\"", "x".repeat(64 * MIB))),
        "output_values" => done(format!("[{}0]", "0,".repeat(5_000_000))),
        "output_deep" => done(format!("{}{}", "[".repeat(10_000), "]".repeat(10_000))),
        "output_no_json" => done(r#"{"half": "#),
        "output_misfit" => done(r#"{"list": [1, "two", 3]}"#),
        "error_huge" => Err(PhaseError::Failed("e".repeat(8 * MIB))),
        "problems_many" => Err(PhaseError::InvalidInput(problems())),
        _ => files_and_state(phase),
    }
}

fn files_and_state(phase: &str) -> Result<Outcome, PhaseError> {
    match phase {
        "file_huge" => {
            let Ok(writer) = artifacts::create("0.txt") else { return done("false") };
            let piece = vec![b'x'; MIB];
            loop {
                let _ = writer.write(&piece);
            }
        }
        "files_many" => answers(&(0..10).map(|i| shown(file(&format!("{i}.txt"), "x"))).collect::<Vec<_>>()),
        "files_undeclared" => {
            let names = ["other.txt", "../0.txt", "/etc/passwd", "input/a.txt", "", "0.txt/", "0.txt\0"];
            answers(&names.map(|name| shown(file(name, "x"))))
        }
        "files_twice" => {
            let Ok(writer) = file("0.txt", "first") else { return done("false") };
            answers(&[shown(writer.write(b"more")), shown(writer.finish()), shown(file("0.txt", "second"))])
        }
        "files_unfinished" => {
            let unfinished = artifacts::create("0.txt").map(|writer| writer.write(b"half"));
            answers(&[shown(unfinished), shown(file("1.txt", "whole"))])
        }
        "files_then_fail" => {
            let _ = (file("0.txt", "x"), context::shared_set("mine", "1"));
            Err(PhaseError::Failed("after all".to_owned()))
        }
        "reads_undeclared" => {
            let names = ["secret.txt", "input/secret.txt", "../input/a.txt", "input/gone.txt", "input/a.txt"];
            answers(&names.map(|name| shown(artifacts::read(name, 0, 10))))
        }
        "read_huge" => {
            let read =
                |offset| artifacts::read("input/a.txt", offset, u32::MAX).map_or(0, |bytes| bytes.len());
            done(serde_json::json!([read(0), read(u64::MAX), read(1)]).to_string())
        }
        "shared_undeclared" => answers(&[
            shown(context::shared_get("theirs")),
            shown(context::shared_set("theirs", "1")),
            shown(context::shared_set("mine", "{")),
            shown(context::shared_set("mine", "1")),
        ]),
        "shared_huge" => {
            let value = format!("\"{}\"", "v".repeat(MIB));
            loop {
                let _ = context::shared_set("mine", &value);
            }
        }
        other => asking::execute(other),
    }
}
