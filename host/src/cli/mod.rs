//! The commands. What was typed is here; what each command does is in a file
//! of its own.

mod asked;
mod call;
mod check;
mod client;
mod connection;
mod deliveries;
mod failure;
mod flows;
mod init;
mod loaded;
mod logging;
mod outbox;
mod plugin;
mod script;
mod serve;
mod signals;
mod terminal;
mod token;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::config::{HostConfig, load_host};
use crate::file_failure::sentence;
use crate::host::Host;
use crate::plugin::compile::worker;
use crate::plugin::writes;
use crate::text::without_mark;
use failure::{Exit, Failure, Finished};

/// How long threads that are still busy may delay the end of the process.
const LAST_THREADS: Duration = Duration::from_secs(1);

/// How long compiled code that is still being written may delay it: a short
/// command would otherwise leave half of it behind, and the next one compile anew.
const LAST_WRITES: Duration = Duration::from_secs(10);

/// What commands log that end by themselves. What did not load is part of what
/// they say anyway.
const QUIET: &str = "warn,crossdock::reload=error,crossdock::script=error";

#[derive(Debug, Parser)]
#[command(
    name = "crossdock",
    version,
    long_version = LONG_VERSION,
    about = "Delivers business records to the platforms a company sells on",
    long_about = "Delivers business records (stock, goods, prices, orders) to the platforms a company sells on.\n\
        \n\
        Each platform is an adapter, a WebAssembly file in the plugins folder. Each customer is a tenant, \
        a folder with a tenant.toml and its mapping scripts. Both can be replaced while the host runs.",
    after_help = "Start with `crossdock init` in an empty folder. `crossdock check` loads everything, sends nothing, and says what is wrong and where.",
    disable_help_subcommand = true
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// The version, and what plugins may be built against. A test holds it to what
/// is served.
const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\ncontracts: crossdock:adapter 0.1.0, 0.1.1, 0.1.2, crossdock:script 0.1.0, 0.1.1, crossdock:source 0.1.0"
);

/// What every command takes.
#[derive(Debug, Args)]
struct Global {
    /// The host's configuration; without it crossdock.toml in this folder, if there is one
    #[arg(
        long,
        short,
        global = true,
        value_name = "FILE",
        env = "CROSSDOCK_CONFIG",
        hide_env_values = true,
        help_heading = "Global options"
    )]
    config: Option<PathBuf>,
    /// How log lines look on stderr
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t = LogFormat::Text,
        value_name = "FORMAT",
        help_heading = "Global options"
    )]
    log_format: LogFormat,
    /// What is logged: error, warn, info, debug, trace, or a filter such as `info,crossdock::access=off`
    /// [default: info for serve, warnings otherwise]
    #[arg(
        long,
        global = true,
        value_name = "LEVEL",
        env = "RUST_LOG",
        hide_env_values = true,
        help_heading = "Global options"
    )]
    log_level: Option<String>,
}

impl Global {
    fn config(&self) -> Result<HostConfig, Failure> {
        Ok(compiling_apart(load_host(self.config.as_deref())?))
    }

    /// Loads everything once.
    async fn host(&self) -> Result<Host, Failure> {
        Ok(Host::start(self.config()?, false).await?)
    }
}

/// Plugins are compiled by this program in a process of its own. Where the
/// system cannot name the program, they are compiled here.
fn compiling_apart(mut config: HostConfig) -> HostConfig {
    let running = Path::new("/proc/self/exe");
    // This very file, also after another one took its name.
    config.compile_program = if cfg!(target_os = "linux") && running.exists() {
        Some(running.to_owned())
    } else {
        std::env::current_exe().ok()
    };
    config
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// For people
    Text,
    /// One JSON object per line
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Begin: a folder with settings, the bundled plugins and a worked tenant
    Init(init::InitArgs),
    /// Run the host: inbound HTTP, and reload of whatever changes on disk
    Serve {
        /// Listen here in place of `[server] listen`
        #[arg(long, value_name = "ADDRESS:PORT")]
        listen: Option<SocketAddr>,
    },
    /// Deliver items once, without a server
    #[command(after_help = call::HELP)]
    Call(call::CallArgs),
    /// Load everything, say what is wrong and where, send nothing
    Check {
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Authorize connections of a running host, and look at their credentials
    #[command(subcommand)]
    Connection(connection::ConnectionCommand),
    /// Look at records that a running host has taken in, and do something about them
    #[command(subcommand)]
    Deliveries(deliveries::DeliveriesCommand),
    /// Look at the flows of a running host, and run, pause or resume them
    #[command(subcommand)]
    Flows(flows::FlowsCommand),
    /// Copy and check the file in which queued records are
    #[command(subcommand)]
    Outbox(outbox::OutboxCommand),
    /// Look at adapters and script engines
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
    /// Try mapping scripts
    #[command(subcommand)]
    Script(script::ScriptCommand),
    /// Make bearer tokens
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Compile one plugin for a host that started this; no command for people
    #[command(hide = true)]
    CompileComponent(worker::Work),
    /// Print a completion script for a shell
    #[command(
        after_help = "For bash, for instance: crossdock completions bash > ~/.local/share/bash-completion/completions/crossdock"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Runs the command that was typed. Errors go to stderr; the exit code says
/// what happened.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too. A stream that is closed
            // cannot be told.
            let _ = error.print();
            let exit = if error.use_stderr() {
                Exit::Error
            } else {
                Exit::Done
            };
            return exit.into();
        }
    };
    let finished = execute(cli);
    logging::finish();
    match finished {
        Ok(exit) => exit.into(),
        Err(failure) => {
            failure.report();
            Exit::Error.into()
        }
    }
}

fn execute(cli: Cli) -> Finished {
    let Cli { global, command } = cli;
    match &command {
        Command::Init(args) => return init::run(args),
        Command::Token(command) => return token::run(command),
        Command::Completions { shell } => return completions(*shell),
        Command::CompileComponent(work) => return compile_component(work),
        _ => {}
    }
    let serving = matches!(command, Command::Serve { .. });
    logging::start(&global, if serving { "info" } else { QUIET })?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("crossdock")
        .enable_all()
        .build()
        .map_err(|error| anyhow::anyhow!("the system gives no threads ({})", sentence(&error)))?;
    let finished = runtime.block_on(Box::pin(async {
        match command {
            Command::Serve { listen } => serve::run(&global, listen).await,
            Command::Init(args) => init::run(&args),
            Command::Call(args) => call::run(&global, args).await,
            Command::Check { json } => check::run(&global, json).await,
            Command::Connection(command) => connection::run(&global, command).await,
            Command::Deliveries(command) => deliveries::run(&global, command).await,
            Command::Flows(command) => flows::run(&global, command).await,
            Command::Outbox(command) => outbox::run(&global, command),
            Command::Plugin(command) => plugin::run(&global, command).await,
            Command::Script(command) => script::run(&global, command).await,
            Command::Token(command) => token::run(&command),
            Command::Completions { shell } => completions(shell),
            Command::CompileComponent(work) => compile_component(&work),
        }
    }));
    // A host that serves has said when it ends at the latest; what it was writing
    // is swept at its next start.
    let patience = if serving { LAST_THREADS } else { LAST_WRITES };
    let ends = Instant::now() + patience;
    runtime.shutdown_timeout(LAST_THREADS);
    if !writes::finish(ends.saturating_duration_since(Instant::now())) {
        tracing::warn!("compiled code was still being written and is compiled again next time");
    }
    finished
}

fn compile_component(work: &worker::Work) -> Finished {
    worker::run(work).map_err(|error| anyhow::anyhow!("nothing was compiled: {error}"))?;
    Ok(Exit::Done)
}

fn completions(shell: Shell) -> Finished {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "crossdock", &mut script);
    terminal::print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

/// Reads an input file, or stdin for `-` and where nothing is named.
fn read_input(path: Option<&Path>, most: usize) -> Result<Vec<u8>, Failure> {
    use std::io::{IsTerminal, Read};

    let stdin = path.is_none_or(|path| path == Path::new("-"));
    let name = path.map_or_else(|| "-".into(), |path| path.display().to_string());
    if path.is_none() && std::io::stdin().is_terminal() {
        return Err(anyhow::anyhow!(
            "there is no input; name a file with --input, or pipe JSON into stdin"
        )
        .into());
    }
    let mut bytes = Vec::new();
    let result = if stdin {
        std::io::stdin()
            .lock()
            .take(most as u64 + 1)
            .read_to_end(&mut bytes)
    } else {
        std::fs::File::open(&name)
            .and_then(|file| file.take(most as u64 + 1).read_to_end(&mut bytes))
    };
    result.map_err(|error| {
        anyhow::anyhow!("the input `{name}` cannot be read: {}", sentence(&error))
    })?;
    if bytes.len() > most {
        return Err(anyhow::anyhow!(
            "the input `{name}` has more than {most} bytes, which `[limits] request_body_mb` allows"
        )
        .into());
    }
    Ok(without_mark(&bytes).to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_are_put_together_without_contradiction() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_version_says_which_contracts_are_served() {
        use crate::plugin::verify::CONTRACTS;

        let served = CONTRACTS.map(|one| format!("{} {}", one.contract, one.versions.join(", ")));
        let said = LONG_VERSION.split_once("contracts: ").map(|(_, said)| said);
        assert_eq!(said, Some(&*served.join(", ")));
    }

    #[test]
    fn global_options_may_stand_behind_the_command() {
        let cli =
            Cli::try_parse_from(["crossdock", "check", "--config", "x.toml", "--json"]).unwrap();
        assert_eq!(cli.global.config.as_deref(), Some(Path::new("x.toml")));
        assert!(matches!(cli.command, Command::Check { json: true }));
    }

    #[test]
    fn every_shell_gets_a_completion_script() {
        for shell in Shell::value_variants() {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "crossdock", &mut script);
            assert!(!script.is_empty(), "{shell}");
        }
    }

    #[test]
    fn an_input_beyond_the_bound_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "12345").unwrap();
        assert_eq!(read_input(Some(file.path()), 5).unwrap(), b"12345");
        assert!(read_input(Some(file.path()), 4).is_err());
        assert!(read_input(Some(Path::new("/nowhere/at/all")), 4).is_err());
    }

    #[test]
    fn an_input_may_begin_with_a_byte_order_mark() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "\u{feff}{}").unwrap();
        assert_eq!(read_input(Some(file.path()), 100).unwrap(), b"{}");
    }
}
