//! Reads where the secrets of a tenant are, and the secrets.

use std::time::Duration;

use toml::de::DeValue;
use zeroize::Zeroizing;

use super::Secret;
use super::connection::{ConnectionReader, MAX_SECRET};
use super::mistakes::Report;
use super::reader::{Entry, Section, Typed, elements, shown};
use crate::secrets::{Absent, Source};
use crate::text::without_mark;

/// Shortest secret. A shorter text also occurs by accident, so that removing it
/// from logs and errors would garble them, or give it away.
const MIN_SECRET: usize = 4;

/// How often a program is run, unless the setting says otherwise.
const EVERY_COMMAND: Duration = Duration::from_secs(600);

/// The same of a vault that is asked.
const EVERY_VAULT: Duration = Duration::from_secs(300);

/// Most words of a command, and names of variables that it sees.
const MOST_WORDS: usize = 64;

/// Longest of these, and of what names a secret in a vault.
const MOST_LENGTH: usize = 4096;

impl ConnectionReader<'_, '_> {
    pub(super) fn secret(&mut self, entry: &Entry, report: &mut Report) -> Option<Secret> {
        const FORMS: &str = "must be { env = \"VARIABLE\" }, { file = \"path\" }, { command = [\"/path\"] } or \
                             { vault = { path = \"…\", key = \"…\" } }; a secret's text does not belong in this file.";
        if !is_secret_name(entry.name) {
            let detail = format!(
                "`{}` cannot name a secret: a name is 1 to 63 letters, digits, dots, dashes and underscores.",
                shown(entry.name)
            );
            report.at(&entry.name_span, "config-bad-name", detail);
        }
        if !matches!(entry.value.value, DeValue::Table(_)) {
            entry.value.refuse(report, "config-wrong-type", FORMS);
            return None;
        }
        let mut section = entry.table(report)?;
        let variable = section.text(report, "env");
        let file = section.text(report, "file");
        let command = section.any("command");
        let vault = section.section(report, "vault");
        let forms = [
            variable.is_some(),
            file.is_some(),
            command.is_some(),
            vault.is_some(),
        ];
        let forms = forms.into_iter().filter(|there| *there).count();
        let typed = section.table().len();
        let kept = read_source(&mut section, command, vault, report);
        section.finish(report);
        if forms > 1 {
            let detail = "says in several ways where the secret is; keep one of them.";
            entry.value.refuse(report, "config-bad-value", detail);
            return None;
        }
        match (variable, file, kept) {
            (Some(variable), ..) => self.secret_in_environment(&variable, report),
            (_, Some(file), _) => self.secret_in_file(&file, report),
            (_, _, Some((source, every))) => {
                self.secret_elsewhere(&entry.value.without_value(), &source, every, report)
            }
            (None, None, None) => {
                if typed == 0 {
                    entry.value.refuse(report, "config-missing", FORMS);
                }
                None
            }
        }
    }

    /// A secret that somebody else keeps. One that has not been answered yet makes the
    /// tenant wait, like a file that cannot be read.
    fn secret_elsewhere(
        &mut self,
        typed: &Typed<()>,
        source: &Source,
        every: Duration,
        report: &mut Report,
    ) -> Option<Secret> {
        let shown = source.shown();
        let refused = match self.sources.read(self.dir, source, every) {
            Ok(text) => {
                self.disk.note_secret(&shown, Ok(text.as_bytes()));
                return checked_secret(typed, text.as_bytes(), &shown, report);
            }
            Err(Absent::Pending) => {
                self.disk.wait_for(format!("{shown} has not answered yet"));
                return None;
            }
            Err(Absent::Failed(why)) => {
                self.disk.note_secret(&shown, Err(&why));
                format!("names {shown}, which {why}.")
            }
            Err(Absent::NotAllowed(why)) => {
                self.disk.note_secret(&shown, Err(why));
                format!("{why}.")
            }
        };
        typed.refuse(report, "config-secret-missing", refused);
        None
    }

    fn secret_in_environment(&self, typed: &Typed<&str>, report: &mut Report) -> Option<Secret> {
        let name = typed.value;
        // Not repeated when it is no name: it may be the secret itself.
        if !is_variable_name(name) {
            let detail = "must be the name of an environment variable \
                          (letters, digits and underscores), not its value.";
            typed.refuse(report, "config-bad-value", detail);
            return None;
        }
        let Some(value) = (self.environment)(name) else {
            let detail = format!("names the environment variable {name}, which is not set.");
            typed.refuse(report, "config-secret-missing", detail);
            return None;
        };
        let bytes = Zeroizing::new(value.into_encoded_bytes());
        checked_secret(
            typed,
            &bytes,
            &format!("the environment variable {name}"),
            report,
        )
    }

    fn secret_in_file(&mut self, typed: &Typed<&str>, report: &mut Report) -> Option<Secret> {
        let path = self.inside_or_absolute(typed, report)?;
        match self.disk.read_secret(&path, MAX_SECRET) {
            Ok(bytes) => {
                let text = without_line_breaks(&bytes);
                checked_secret(typed, text, &format!("the file {}", path.display()), report)
            }
            Err(error) => {
                let detail = format!("names the file {}, which {error}.", path.display());
                typed.refuse(report, "config-secret-missing", detail);
                None
            }
        }
    }
}

/// What is said about a secret that somebody else keeps, and how often it is asked for.
fn read_source(
    section: &mut Section,
    command: Option<Typed<&DeValue>>,
    vault: Option<Section>,
    report: &mut Report,
) -> Option<(Source, Duration)> {
    let usual = match command {
        Some(_) => EVERY_COMMAND,
        None => EVERY_VAULT,
    };
    let elsewhere = command.is_some() || vault.is_some();
    let source = match (command, vault) {
        (Some(command), None) => {
            let environment = section.strings(report, "environment");
            let names = variables(&environment, report);
            self::command(&command, report).map(|command| Source::Command {
                command,
                environment: names,
            })
        }
        (_, Some(vault)) => in_vault(vault, report),
        (None, None) => None,
    };
    let every = match elsewhere {
        true => section.string(report, "every").and_then(|typed| {
            let every = duration(typed.value);
            if every.is_none() {
                let detail =
                    "must be a time from \"1s\" to \"30d\": a whole number and s, m, h or d.";
                typed.refuse(report, "config-bad-value", detail);
            }
            every
        }),
        false => None,
    };
    Some((source?, every.unwrap_or(usual)))
}

fn command(typed: &Typed<&DeValue>, report: &mut Report) -> Option<Vec<String>> {
    let DeValue::Array(array) = typed.value else {
        typed.wrong_type(report, "an array of strings, the program first");
        return None;
    };
    let words = elements(&typed.key, array).map(|word| word.string(report));
    let words: Option<Vec<Typed<&str>>> = words.collect();
    let words = words?;
    let mut refuse = |what: &str| {
        typed.refuse(report, "config-bad-value", what);
        None
    };
    let is_long = |word: &Typed<&str>| word.value.len() > MOST_LENGTH || word.value.contains('\0');
    if words.len() > MOST_WORDS || words.iter().any(is_long) {
        return refuse("must have at most 64 words of at most 4096 bytes.");
    }
    let absolute = words
        .first()
        .is_some_and(|program| program.value.starts_with('/'));
    if !absolute {
        return refuse(
            "must begin with the program's absolute path; it is started without a shell, each argument by itself.",
        );
    }
    Some(words.iter().map(|word| word.value.to_owned()).collect())
}

fn variables(names: &[Typed<&str>], report: &mut Report) -> Vec<String> {
    let mut variables = Vec::new();
    for typed in names.iter().take(MOST_WORDS) {
        if is_variable_name(typed.value) {
            variables.push(typed.value.to_owned());
        } else {
            let detail = "must be the name of an environment variable \
                          (letters, digits and underscores), not its value.";
            typed.refuse(report, "config-bad-value", detail);
        }
    }
    variables
}

fn in_vault(mut section: Section, report: &mut Report) -> Option<Source> {
    let path = section.required(
        report,
        "path",
        "say where the secret is below its mount, as in path = \"acme/lingzhi\".",
    );
    let key = section.required(report, "key", "name the key in the secret.");
    let mount = section.text(report, "mount");
    section.finish(report);
    for typed in [&path, &key, &mount].into_iter().flatten() {
        let dots = typed
            .value
            .split('/')
            .any(|part| part == "." || part == "..");
        if typed.value.len() > MOST_LENGTH || dots {
            let detail = "must have at most 4096 bytes, and no `.` or `..` between its slashes.";
            typed.refuse(report, "config-bad-value", detail);
            return None;
        }
    }
    Some(Source::Vault {
        mount: mount.map(|mount| mount.value.to_owned()),
        path: path?.value.to_owned(),
        key: key?.value.to_owned(),
    })
}

/// `10m` and the like, from a second to 30 days.
fn duration(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let number = text.strip_suffix(unit)?;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse::<u64>().ok().filter(|_| digits)?;
    let seconds = number.checked_mul(seconds)?;
    (1..=30 * 86_400)
        .contains(&seconds)
        .then(|| Duration::from_secs(seconds))
}

/// The text, if it can be a secret. `origin` says where it comes from.
fn checked_secret(
    typed: &Typed<impl Sized>,
    bytes: &[u8],
    origin: &str,
    report: &mut Report,
) -> Option<Secret> {
    let bytes = without_mark(bytes);
    let mut refuse = |what: String| {
        typed.refuse(
            report,
            "config-secret-missing",
            format!("names {origin}, {what}."),
        );
        None
    };
    match bytes.len() {
        0 => return refuse("which is empty".into()),
        length if length < MIN_SECRET => {
            return refuse(format!(
                "which holds fewer than {MIN_SECRET} bytes: too short to be removed safely from logs and errors"
            ));
        }
        length if length > MAX_SECRET => {
            return refuse(format!("which holds more than {} KiB", MAX_SECRET >> 10));
        }
        _ => {}
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            if text.trim() != text {
                tracing::warn!(
                    secret = typed.key,
                    "{origin} has white space around the secret, which is taken as a part of it; remove it unless it is meant"
                );
            }
            Some(Secret::new(text.to_owned()))
        }
        Err(_) => refuse("which is not UTF-8 text".into()),
    }
}

/// Without the line breaks at its end, which editors and `echo` put there. No
/// header or form could carry them.
fn without_line_breaks(mut bytes: &[u8]) -> &[u8] {
    while let [kept @ .., b'\r' | b'\n'] = bytes {
        bytes = kept;
    }
    bytes
}

fn is_secret_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=63).contains(&name.len()) && name.bytes().all(allowed)
}

pub(super) fn is_variable_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=128).contains(&name.len())
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_at_the_end_of_a_file_are_no_part_of_a_secret() {
        for (text, secret) in [
            ("secret", "secret"),
            ("secret\n", "secret"),
            ("secret\r\n", "secret"),
            ("secret\n\n", "secret"),
            (" sec\nret \n", " sec\nret "),
            ("\n\n", ""),
        ] {
            assert_eq!(without_line_breaks(text.as_bytes()), secret.as_bytes());
        }
    }

    #[test]
    fn a_time_is_a_number_and_its_unit() {
        for (text, seconds) in [("1s", 1), ("10m", 600), ("2h", 7200), ("30d", 2_592_000)] {
            assert_eq!(duration(text), Some(Duration::from_secs(seconds)));
        }
        for text in [
            "",
            "0s",
            "10",
            "m",
            "1.5h",
            "+1s",
            "31d",
            "99999999999999999999d",
            "5 m",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
