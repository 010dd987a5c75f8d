//! `tidelock limits`: what a command line comes to, limit by limit.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::limit_flags::LimitFlags;
use crate::escape::push_visible;
use crate::limit_settings::SETTINGS;
use crate::limits::{self, Limits};
use crate::policy::Policy;
use crate::quantity::{show_duration, show_size};

/// Bytes of a policy's path that are shown.
const MAX_ORIGIN: usize = 4096;

/// The limits of a command line.
#[derive(Args)]
pub struct LimitsTable {
    /// Read limits from a TOML file, as `tidelock run` does
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    policy: Vec<PathBuf>,

    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    limits: LimitFlags,
}

impl LimitsTable {
    /// The table as text.
    ///
    /// # Errors
    /// One line with the flag, or the file and the key, and what is accepted.
    pub fn print(&self) -> Result<String, String> {
        let mut policy = Policy::default();
        let mut origins = BTreeMap::new();
        for path in &self.policy {
            policy.limits_set.clear();
            policy.add_file(path)?;
            let origin = format!("policy {}", path.display());
            origins.extend(policy.limits_set.iter().map(|name| (*name, origin.clone())));
        }
        self.limits.apply(&mut policy.limits)?;
        origins.extend(self.limits.names().map(|name| (name, "flag".to_owned())));
        let print = if self.json { as_json } else { as_text };
        Ok(print(&rows(&policy.limits, &origins), &fixed()))
    }
}

/// A limit the operator can set: flag, value, who set it, what happens at it.
struct Row {
    name: &'static str,
    value: String,
    origin: String,
    at_limit: &'static str,
}

fn rows(limits: &Limits, origins: &BTreeMap<&'static str, String>) -> Vec<Row> {
    let row = |setting: &'static crate::limit_settings::Setting| Row {
        name: setting.name,
        value: (setting.show)(limits),
        origin: origins.get(setting.name).cloned().unwrap_or_else(|| "default".to_owned()),
        at_limit: setting.at_limit,
    };
    SETTINGS.iter().map(row).collect()
}

/// The program's own limits that an operator may meet.
fn fixed() -> Vec<(&'static str, String)> {
    let size = |bytes: usize| show_size(u64::try_from(bytes).ok());
    vec![
        ("URL of a request, and target of one to the server", size(limits::MAX_URL)),
        ("redirects of one request", limits::MAX_REDIRECTS.to_string()),
        ("name look-ups under way", limits::MAX_LOOKUPS.to_string()),
        ("addresses of one name", limits::MAX_ADDRESSES.to_string()),
        ("origins with kept connections", limits::MAX_POOLS.to_string()),
        ("kept connections to one origin", limits::MAX_IDLE_PER_POOL.to_string()),
        ("bodies being sent by the client", show_size(Some(limits::MAX_OUTGOING_BODIES))),
        ("request bodies in memory", show_size(Some(limits::MAX_BUFFERED_BODIES))),
        ("one write to a stream", size(limits::MAX_STREAM_WRITE)),
        ("what all streams hold for slow peers", show_size(Some(limits::MAX_BUFFERED_STREAMS))),
        ("what one stream holds for a slow peer", size(limits::MAX_STREAM_QUEUE)),
        ("pause between pings to a WebSocket", show_duration(Some(limits::WS_PING_PERIOD))),
        ("reply to a closing WebSocket", show_duration(Some(limits::WS_CLOSE_TIME))),
        ("file of certificates", show_size(Some(limits::MAX_CERTIFICATES))),
        ("line of the log", size(limits::MAX_LOG_LINE)),
    ]
}

fn as_text(rows: &[Row], fixed: &[(&str, String)]) -> String {
    let flag_width = rows.iter().map(|row| row.name.len() + 2).max().unwrap_or(0);
    let value_width = rows.iter().map(|row| row.value.len()).max().unwrap_or(0);
    let origins: Vec<String> = rows.iter().map(|row| visible(&row.origin)).collect();
    let origin_width = origins.iter().map(|origin| origin.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    let mut line = |flag: &str, value: &str, origin: &str, at_limit: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{flag:flag_width$}  {value:value_width$}  {origin:origin_width$}  {at_limit}"
        );
    };
    line("limit", "value", "set by", "at the limit");
    for (row, origin) in rows.iter().zip(&origins) {
        line(&format!("--{}", row.name), &row.value, origin, row.at_limit);
    }
    let what_width = fixed.iter().map(|(what, _)| what.len()).max().unwrap_or(0);
    let _ = writeln!(text, "\nThe program's own, which no flag changes:");
    for (what, value) in fixed {
        let _ = writeln!(text, "{what:what_width$}  {value}");
    }
    text
}

fn as_json(rows: &[Row], fixed: &[(&str, String)]) -> String {
    let limits: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({ "limit": row.name, "value": row.value, "set_by": row.origin, "at_limit": row.at_limit })
        })
        .collect();
    let fixed: Vec<Value> =
        fixed.iter().map(|(what, value)| json!({ "what": what, "value": value })).collect();
    format!("{:#}\n", json!({ "limits": limits, "fixed": fixed }))
}

/// The text without what could steer a terminal.
fn visible(text: &str) -> String {
    let mut out = String::new();
    push_visible(&mut out, text.as_bytes(), MAX_ORIGIN, |_| false);
    out
}
