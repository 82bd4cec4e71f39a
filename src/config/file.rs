//! The file of settings: TOML, each setting under the name of its flag. What it says takes the place of the defaults,
//! so that a variable of the environment goes before it, and a flag before both.

use std::any::TypeId;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The file that is read unasked where the server is started in its folder.
const UNASKED: &str = "lyceum.toml";

/// Where settings are read from, besides flags and the environment.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Source {
    /// The file of settings, in TOML, each under the name of its flag; by default `lyceum.toml`, where there is one in
    /// the folder that the server is started in.
    #[arg(long, env = "LYCEUM_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl Source {
    /// The file to read, where there is one.
    pub fn path(&self) -> Option<PathBuf> {
        self.config.clone().or_else(|| Some(PathBuf::from(UNASKED)).filter(|path| path.is_file()))
    }
}

/// Why a file of settings is not taken.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("the settings cannot be read from {}: {error}", .path.display())]
    Read { path: PathBuf, error: std::io::Error },
    /// Every mistake in a line of its own, with its place.
    #[error("the settings in {} are wrong:\n{}", .path.display(), .mistakes.join("\n"))]
    Wrong { path: PathBuf, mistakes: Vec<String> },
}

/// What a file of settings says.
#[derive(Debug)]
pub struct File {
    /// The names of arguments, and their values as flags have them.
    settings: Vec<(String, String)>,
}

impl File {
    /// Reads the settings that this command takes.
    pub fn read(path: &Path, command: &Command) -> Result<Self, FileError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| FileError::Read { path: path.to_owned(), error })?;
        Self::parse(&text, command).map_err(|mistakes| {
            let name = path.display();
            let mistakes =
                mistakes.into_iter().map(|(line, what)| format!("{name}:{line}: {what}")).collect();
            FileError::Wrong { path: path.to_owned(), mistakes }
        })
    }

    fn parse(text: &str, command: &Command) -> Result<Self, Vec<(usize, String)>> {
        let line = |at: usize| text[..at].matches('\n').count() + 1;
        let table = DeTable::parse(text).map_err(|error| {
            vec![(line(error.span().map_or(0, |span| span.start)), error.message().to_owned())]
        })?;
        let (mut settings, mut mistakes) = (Vec::new(), Vec::new());
        for (name, value) in table.get_ref() {
            match setting(name.get_ref(), value, command) {
                Ok(setting) => settings.push(setting),
                Err(what) => mistakes.push((line(name.span().start), what)),
            }
        }
        mistakes.sort();
        if mistakes.is_empty() { Ok(Self { settings }) } else { Err(mistakes) }
    }

    /// The command with what the file says in place of its defaults.
    pub fn into_defaults(self, command: Command) -> Command {
        command.mut_args(|argument| {
            match self.settings.iter().find(|(name, _)| argument.get_id() == name.as_str()) {
                Some((_, value)) => argument.default_value(value.clone()),
                None => argument,
            }
        })
    }
}

/// A setting of the file, as the argument and its value.
fn setting(name: &str, value: &Spanned<DeValue<'_>>, command: &Command) -> Result<(String, String), String> {
    let known = || command.get_arguments().filter(|argument| is_setting(argument));
    let Some(argument) = known().find(|argument| argument.get_long() == Some(name)) else {
        let hint = match value.get_ref() {
            DeValue::Table(_) => "; the file has no tables".to_owned(),
            _ => did_you_mean(name, known().filter_map(Arg::get_long)),
        };
        return Err(format!("\"{name}\" is not a setting{hint}"));
    };
    let value = match (value.get_ref(), is_number(argument)) {
        (DeValue::String(text), false) => text.to_string(),
        (DeValue::Integer(number), true) => i128::from_str_radix(number.as_str(), number.radix())
            .ok()
            .filter(|number| *number >= 0)
            .ok_or_else(|| format!("{name} must be a whole number of at least 0, not {}", number.as_str()))?
            .to_string(),
        (other, true) => return Err(format!("{name} must be a whole number, not {}", kind(other))),
        (other, false) => return Err(format!("{name} must be a text in quotes, not {}", kind(other))),
    };
    // The argument itself knows what it takes.
    let alone = Command::new("settings").arg(argument.clone());
    match alone.try_get_matches_from(["settings".to_owned(), format!("--{name}={value}")]) {
        Ok(_) => Ok((argument.get_id().to_string(), value)),
        Err(error) => Err(format!("{name} cannot be {value:?}{}", why(&error))),
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// What may stand in the file: all that takes a value, but for the file's own name and what servers tell each other.
fn is_setting(argument: &Arg) -> bool {
    argument.get_action().takes_values() && !argument.is_hide_set() && argument.get_long() != Some("config")
}

fn is_number(argument: &Arg) -> bool {
    let is = argument.get_value_parser().type_id();
    [TypeId::of::<u32>(), TypeId::of::<u64>(), TypeId::of::<usize>()].iter().any(|number| is == *number)
}

fn did_you_mean<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let likely =
        known.map(|known| (strsim::jaro_winkler(name, known), known)).filter(|(likeness, _)| *likeness > 0.8);
    let nearest = likely.max_by(|one, other| one.0.total_cmp(&other.0));
    nearest.map(|(_, known)| format!("; did you mean \"{known}\"?")).unwrap_or_default()
}

/// What an argument holds against a value.
fn why(error: &clap::Error) -> String {
    if let Some(ContextValue::Strings(words)) = error.get(ContextKind::ValidValue)
        && !words.is_empty()
    {
        return format!(": there are {}", words.join(", "));
    }
    std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;
    use crate::config::{Config, LogFormat};

    fn command() -> Command {
        Source::augment_args(Config::augment_args(Command::new("lyceum")))
    }

    fn mistakes(text: &str) -> Vec<String> {
        let wrong = File::parse(text, &command()).unwrap_err();
        wrong.into_iter().map(|(line, what)| format!("{line}: {what}")).collect()
    }

    #[test]
    fn the_file_goes_before_the_default_and_a_flag_before_the_file() {
        let text = "# of this machine\nlisten = \"[::1]:9000\"\nqueue = 1_000\nuri-bytes = 0x100\nlog-format = 'json'\n";
        let file = File::parse(text, &command()).unwrap();
        let matches = file.into_defaults(command()).try_get_matches_from(["lyceum", "--queue", "7"]).unwrap();
        let config = Config::from_arg_matches(&matches).unwrap();
        assert_eq!(config.server.listen.to_string(), "[::1]:9000");
        assert_eq!((config.jobs.queue, config.http.uri_bytes, config.http.uploads), (7, 256, 4));
        assert_eq!(config.log.log_format, LogFormat::Json);
    }

    #[test]
    fn every_mistake_is_told_with_its_line() {
        let text = "listen = 8080\ndata_dir = \"x\"\n\nthreads = \"two\"\nqueue = -1\nuploads = 2.5\n\
                    on-shutdown = \"stop\"\nlog = true\nconfig = \"other.toml\"\nadmin-key-file = [\"a\"]\n[http]\nx = 1\n";
        assert_eq!(
            mistakes(text),
            [
                "1: listen must be a text in quotes, not a number",
                "2: \"data_dir\" is not a setting; did you mean \"data-dir\"?",
                "4: threads must be a whole number, not a text",
                "5: queue must be a whole number of at least 0, not -1",
                "6: uploads must be a whole number, not a fraction",
                "7: on-shutdown cannot be \"stop\": there are keep, checkpoint",
                "8: log must be a text in quotes, not true or false",
                "9: \"config\" is not a setting",
                "10: admin-key-file must be a text in quotes, not a list",
                "11: \"http\" is not a setting; the file has no tables",
            ]
        );
    }

    #[test]
    fn what_is_no_toml_and_what_is_said_twice_is_told_with_its_line() {
        assert!(mistakes("queue = 1\nlisten\n")[0].starts_with("2: "));
        assert!(mistakes("queue = 1\n\nqueue = 2\n")[0].starts_with("3: duplicate key"));
    }
}
