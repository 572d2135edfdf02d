//! Running other programs: announced, bounded in time where asked, and with errors that show what to type.

use std::{
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// How a command reads in a shell.
pub(crate) fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| quoted(&word.to_string_lossy())).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Runs to its end with our own standard streams.
///
/// # Errors
/// When the program cannot be started or ends with anything but success.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let text = shown(command);
    let status = command.status().with_context(|| format!("cannot start `{text}`"))?;
    check(status, &text)
}

/// Like [`run`], but ends the program when it takes longer than `limit`.
///
/// # Errors
/// As [`run`], and when the time is over.
pub(crate) fn run_within(command: &mut Command, limit: Duration) -> Result<()> {
    let text = shown(command);
    let mut child = command.spawn().with_context(|| format!("cannot start `{text}`"))?;
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return check(status, &text);
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            bail!("`{text}` was ended: it took longer than {} s", limit.as_secs());
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// The standard output of a program that succeeds, `None` for one that fails or is not there.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn check(status: ExitStatus, text: &str) -> Result<()> {
    if status.success() { Ok(()) } else { bail!("`{text}` failed ({status})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_failure_names_the_command_as_one_would_type_it() {
        let error = run(&mut sh("exit 3")).map_err(|error| error.to_string());
        assert_eq!(error, Err("`sh -c 'exit 3'` failed (exit status: 3)".to_owned()));
        assert!(run(&mut sh("true")).is_ok());
    }

    #[test]
    fn what_takes_too_long_is_ended() {
        let start = Instant::now();
        let result = run_within(&mut sh("exec sleep 30"), Duration::from_millis(100));
        assert!(result.is_err_and(|error| error.to_string().contains("longer than")));
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn output_is_only_there_on_success() {
        assert_eq!(output(&mut sh("echo yes")), Some("yes".to_owned()));
        assert_eq!(output(&mut sh("echo no; exit 1")), None);
        assert_eq!(output(&mut Command::new("there-is-no-such-program")), None);
    }
}
