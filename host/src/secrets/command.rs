//! What a program prints.
//!
//! It is started directly, without a shell, in an environment of `PATH` and what the
//! setting names, with nothing to read. What it writes to standard error is thrown
//! away: nobody knows what is in it. It is killed when its time is over.

use std::process::Stdio;
use std::sync::Arc;

use tokio::io::AsyncReadExt;
use tokio::process::Command;
use zeroize::Zeroizing;

use super::{MOST_BYTES, Text};

/// Runs it to its end. Without a bound on time of its own; dropping kills it.
pub(super) async fn run(command: &[String], environment: &[String]) -> Result<Text, String> {
    let [program, arguments @ ..] = command else {
        return Err("names no program".to_owned());
    };
    let variables = environment.iter().map(String::as_str).chain(["PATH"]);
    let variables = variables.filter_map(|name| Some((name, std::env::var_os(name)?)));
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(variables)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("cannot be run: {}", crate::file_failure::sentence(&error)))?;
    let Some(stdout) = child.stdout.take() else {
        return Err("cannot be read from".to_owned());
    };
    // One buffer of the final size: a growing one would leave copies behind.
    let mut output = Zeroizing::new(Vec::with_capacity(MOST_BYTES + 2));
    let mut bounded = stdout.take(MOST_BYTES as u64 + 2);
    let read = bounded.read_to_end(&mut output).await;
    read.map_err(|_| "cannot be read from".to_owned())?;
    if output.len() > MOST_BYTES + 1 {
        return Err(format!("printed more than {} KiB", MOST_BYTES >> 10));
    }
    let status = child
        .wait()
        .await
        .map_err(|_| "ended in a way that the system does not tell".to_owned())?;
    if !status.success() {
        return Err(format!(
            "failed ({status}); run it as the host's user, in an environment of PATH alone, to see why"
        ));
    }
    let mut text = output.as_slice();
    while let [kept @ .., b'\r' | b'\n'] = text {
        text = kept;
    }
    let text =
        std::str::from_utf8(text).map_err(|_| "printed what is not UTF-8 text".to_owned())?;
    if text.is_empty() {
        return Err("printed nothing".to_owned());
    }
    Ok(Arc::new(Zeroizing::new(text.to_owned())))
}
