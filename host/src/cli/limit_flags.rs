//! The flags that limit, made from the table of limits.

use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use crate::limit_settings::{SETTINGS, Setting};
use crate::limits::Limits;

const HEADING: &str = "Limits (`none` lifts one)";

/// A flag for every limit.
pub struct LimitFlags(Values);

/// The flags that matter for compiling.
pub struct SourceLimitFlags(Values);

/// The limits that were given, with the texts they were given.
type Values = Vec<(&'static Setting, String)>;

impl LimitFlags {
    /// Sets the limits that were given.
    ///
    /// # Errors
    /// One line with the flag and what it accepts.
    pub fn apply(&self, limits: &mut Limits) -> Result<(), String> {
        apply(&self.0, limits)
    }

    /// The names of the limits that were given.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(setting, _)| setting.name)
    }
}

impl SourceLimitFlags {
    /// Sets the limits that were given.
    ///
    /// # Errors
    /// One line with the flag and what it accepts.
    pub fn apply(&self, limits: &mut Limits) -> Result<(), String> {
        apply(&self.0, limits)
    }
}

fn apply(values: &Values, limits: &mut Limits) -> Result<(), String> {
    values.iter().try_for_each(|(setting, text)| {
        (setting.apply)(limits, text).map_err(|error| format!("--{}={text}: {error}", setting.name))
    })
}

fn all() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter()
}

fn for_compiling() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(|setting| matches!(setting.name, "max-memory" | "max-source"))
}

/// The value is tried while the flags are read, so that a wrong one is shown beside its flag.
fn flag(setting: &'static Setting) -> Arg {
    let default = (setting.show)(&Limits::default());
    Arg::new(setting.name)
        .long(setting.name)
        .value_name(setting.value)
        .help(format!("{} [default: {default}]", setting.help))
        .help_heading(HEADING)
        .value_parser(move |text: &str| {
            (setting.apply)(&mut Limits::default(), text).map(|()| text.to_owned())
        })
}

fn given(
    settings: impl Iterator<Item = &'static Setting>,
    matches: &ArgMatches,
) -> Result<Values, clap::Error> {
    let mut values = Values::new();
    for setting in settings {
        match matches.try_get_one::<String>(setting.name) {
            Ok(Some(text)) => values.push((setting, text.clone())),
            Ok(None) => {}
            Err(error) => return Err(clap::Error::raw(ErrorKind::UnknownArgument, error)),
        }
    }
    Ok(values)
}

impl FromArgMatches for LimitFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        given(all(), matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for LimitFlags {
    fn augment_args(command: Command) -> Command {
        command.args(all().map(flag))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SourceLimitFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        given(for_compiling(), matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for SourceLimitFlags {
    fn augment_args(command: Command) -> Command {
        command.args(for_compiling().map(flag))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
