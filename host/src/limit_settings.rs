//! The operator's names for the limits: one table for flags, policy files, help and messages.
//!
//! A limit that is added to [`Limits`] is added here once, and is then a flag, a policy key, a line
//! of `--help` and a word of the shell completions.

use std::time::Duration;

use crate::limits::{GIB, KIB, Limits, MIN_MEMORY};
use crate::quantity::{self, MAX_DURATION, show_duration, show_size};

/// Most of anything that is counted: more than the memory or the descriptors of one machine hold,
/// and far from where sums of counts could overflow.
const MAX_COUNT: u32 = 16 * 1024 * 1024;

/// Most lines of a header section; HTTP libraries index them with 15 bits.
const MAX_HEADER_LINES: u32 = 4096;

/// Most bytes of a header section: a head crosses into the sandbox in one piece.
const MAX_HEADER_BYTES: u64 = crate::limits::MAX_CROSSING as u64;

/// Fewest bytes of a header section; an ordinary browser sends half of it.
const MIN_HEADER_BYTES: u64 = KIB;

/// Most bytes of one chunk of source: Lua's line and constant counters are 32 bits wide.
const MAX_SOURCE: u64 = GIB;

/// Deepest `require`: every level is a call on the interpreter's C stack, which ends at 200.
const MAX_REQUIRE_DEPTH: u32 = 150;

/// One limit as the operator names it.
pub struct Setting {
    /// The flag without its dashes, and the key of a policy's `[limits]`.
    pub name: &'static str,
    /// What the value is: `SIZE`, `DURATION`, `COUNT` or `LINES[,SIZE]`.
    pub value: &'static str,
    /// One line of help, without the default.
    pub help: &'static str,
    /// What a script, a client or a peer meets there.
    pub at_limit: &'static str,
    /// Reads a value into its place; the error says what is accepted.
    pub apply: fn(&mut Limits, &str) -> Result<(), String>,
    /// The value in its place, as `apply` would read it.
    pub show: fn(&Limits) -> String,
}

/// Every limit, in the order of the help.
pub static SETTINGS: &[Setting] = &[
    Setting {
        name: "max-memory",
        value: "SIZE",
        help: "Memory of the script",
        at_limit: "Lua raises `not enough memory`; at the memory itself the script is stopped: exit 3",
        apply: |limits, text| set_size(&mut limits.max_memory, text, MIN_MEMORY),
        show: |limits| show_size(limits.max_memory),
    },
    Setting {
        name: "max-cpu",
        value: "DURATION",
        help: "Computing without a wait; a loop that never waits ends here",
        at_limit: "the script is stopped: exit 3; a server begins anew",
        apply: |limits, text| set_duration(&mut limits.max_cpu, text),
        show: |limits| show_duration(limits.max_cpu),
    },
    Setting {
        name: "max-cpu-total",
        value: "DURATION",
        help: "Computing of the whole run",
        at_limit: "the script is stopped: exit 3",
        apply: |limits, text| set_duration(&mut limits.max_cpu_total, text),
        show: |limits| show_duration(limits.max_cpu_total),
    },
    Setting {
        name: "max-time",
        value: "DURATION",
        help: "Wall clock of the whole run",
        at_limit: "the script is stopped: exit 3",
        apply: |limits, text| set_duration(&mut limits.max_time, text),
        show: |limits| show_duration(limits.max_time),
    },
    Setting {
        name: "max-body",
        value: "SIZE",
        help: "Body of a request that the server takes",
        at_limit: "413",
        apply: |limits, text| set_size(&mut limits.max_body, text, 0),
        show: |limits| show_size(limits.max_body),
    },
    Setting {
        name: "max-response",
        value: "SIZE",
        help: "Body of a response that the client takes, decoded",
        at_limit: "error of kind too_large",
        apply: |limits, text| set_size(&mut limits.max_response, text, 0),
        show: |limits| show_size(limits.max_response),
    },
    Setting {
        name: "max-download",
        value: "SIZE",
        help: "File that a download writes",
        at_limit: "error of kind too_large",
        apply: |limits, text| set_size(&mut limits.max_download, text, 0),
        show: |limits| show_size(limits.max_download),
    },
    Setting {
        name: "max-file",
        value: "SIZE",
        help: "File that the script writes",
        at_limit: "the write gives nil, File too large, 27",
        apply: |limits, text| set_size(&mut limits.max_file, text, 0),
        show: |limits| show_size(limits.max_file),
    },
    Setting {
        name: "max-files",
        value: "COUNT",
        help: "Files the script has open at once",
        at_limit: "error of kind limit",
        apply: |limits, text| set_usize(&mut limits.max_files, text, MAX_COUNT),
        show: |limits| limits.max_files.to_string(),
    },
    Setting {
        name: "max-headers",
        value: "LINES[,SIZE]",
        help: "Header section of a request or response",
        at_limit: "a request 431, a handler's response 500, the client an error of kind limit or too_large",
        apply: set_headers,
        show: |limits| {
            format!(
                "{},{}",
                limits.max_header_lines,
                show_size(Some(limits.max_header_bytes as u64))
            )
        },
    },
    Setting {
        name: "max-connections",
        value: "COUNT",
        help: "Connections a server keeps open",
        at_limit: "further ones wait in the system's queue",
        apply: |limits, text| set_usize(&mut limits.max_connections, text, MAX_COUNT),
        show: |limits| limits.max_connections.to_string(),
    },
    Setting {
        name: "max-in-flight",
        value: "COUNT",
        help: "Requests that are with their handlers at once",
        at_limit: "as many again wait, then 503",
        apply: |limits, text| set_usize(&mut limits.max_in_flight, text, MAX_COUNT),
        show: |limits| limits.max_in_flight.to_string(),
    },
    Setting {
        name: "max-outgoing",
        value: "COUNT",
        help: "Requests the script has open at once",
        at_limit: "error of kind limit",
        apply: |limits, text| set_usize(&mut limits.max_outgoing, text, MAX_COUNT),
        show: |limits| limits.max_outgoing.to_string(),
    },
    Setting {
        name: "max-websockets",
        value: "COUNT",
        help: "WebSocket connections open at once",
        at_limit: "an upgrade 503, ws.connect an error of kind limit",
        apply: |limits, text| set_usize(&mut limits.max_websockets, text, MAX_COUNT),
        show: |limits| limits.max_websockets.to_string(),
    },
    Setting {
        name: "max-ws-message",
        value: "SIZE",
        help: "One WebSocket message",
        at_limit: "received: close 1009; written: error of kind too_large",
        apply: |limits, text| set_size(&mut limits.max_ws_message, text, 0),
        show: |limits| show_size(limits.max_ws_message),
    },
    Setting {
        name: "max-ws-frame",
        value: "SIZE",
        help: "One frame of a received WebSocket message",
        at_limit: "close 1009",
        apply: |limits, text| set_size(&mut limits.max_ws_frame, text, 0),
        show: |limits| show_size(limits.max_ws_frame),
    },
    Setting {
        name: "header-timeout",
        value: "DURATION",
        help: "From the first byte of a request to the end of its headers",
        at_limit: "the connection closes",
        apply: |limits, text| set_duration(&mut limits.header_timeout, text),
        show: |limits| show_duration(limits.header_timeout),
    },
    Setting {
        name: "body-timeout",
        value: "DURATION",
        help: "Without progress of a request's body",
        at_limit: "408",
        apply: |limits, text| set_duration(&mut limits.body_timeout, text),
        show: |limits| show_duration(limits.body_timeout),
    },
    Setting {
        name: "idle-timeout",
        value: "DURATION",
        help: "Between two requests of a connection",
        at_limit: "the connection closes",
        apply: |limits, text| set_duration(&mut limits.idle_timeout, text),
        show: |limits| show_duration(limits.idle_timeout),
    },
    Setting {
        name: "write-timeout",
        value: "DURATION",
        help: "Without progress of a response",
        at_limit: "the connection is reset",
        apply: |limits, text| set_duration(&mut limits.write_timeout, text),
        show: |limits| show_duration(limits.write_timeout),
    },
    Setting {
        name: "ws-idle-timeout",
        value: "DURATION",
        help: "Without a message of a WebSocket in either direction",
        at_limit: "close 1001",
        apply: |limits, text| set_duration(&mut limits.ws_idle_timeout, text),
        show: |limits| show_duration(limits.ws_idle_timeout),
    },
    Setting {
        name: "sse-keep-alive",
        value: "DURATION",
        help: "Silence of an event stream before a comment is sent",
        at_limit: "a comment is sent",
        apply: |limits, text| set_duration(&mut limits.sse_keep_alive, text),
        show: |limits| show_duration(limits.sse_keep_alive),
    },
    Setting {
        name: "max-handler-time",
        value: "DURATION",
        help: "Until a handler returns its response",
        at_limit: "504, the handler is cancelled",
        apply: |limits, text| set_duration(&mut limits.max_handler_time, text),
        show: |limits| show_duration(limits.max_handler_time),
    },
    Setting {
        name: "max-tasks",
        value: "COUNT",
        help: "Waiting coroutines, timers and handles",
        at_limit: "error of kind limit; a request 503",
        apply: |limits, text| count(text, MAX_COUNT).map(|count| limits.max_tasks = count),
        show: |limits| limits.max_tasks.to_string(),
    },
    Setting {
        name: "grace-period",
        value: "DURATION",
        help: "From the request to stop until connections are cut",
        at_limit: "the connections are cut",
        apply: |limits, text| {
            let duration = quantity::parse_duration(text)?;
            limits.grace_period = duration.unwrap_or(MAX_DURATION);
            Ok(())
        },
        show: |limits| show_duration(Some(limits.grace_period)),
    },
    Setting {
        name: "max-log",
        value: "SIZE",
        help: "Log lines of the script, in bytes a second",
        at_limit: "lines are dropped, counted, and said so",
        apply: |limits, text| set_size(&mut limits.max_log, text, 0),
        show: |limits| show_size(limits.max_log),
    },
    Setting {
        name: "max-source",
        value: "SIZE",
        help: "Source of the script, and of each module",
        at_limit: "the script: exit 3; a module: error of kind too_large; load: nil and a message",
        apply: |limits, text| {
            bounded_size(text, 1, MAX_SOURCE).map(|size| limits.max_source = size)
        },
        show: |limits| show_size(Some(limits.max_source)),
    },
    Setting {
        name: "max-require-depth",
        value: "COUNT",
        help: "How deep `require` may nest",
        at_limit: "error",
        apply: |limits, text| {
            count(text, MAX_REQUIRE_DEPTH).map(|count| limits.max_require_depth = count)
        },
        show: |limits| limits.max_require_depth.to_string(),
    },
];

/// The setting called `name`.
pub fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

fn set_size(place: &mut Option<u64>, text: &str, least: u64) -> Result<(), String> {
    let size = quantity::parse_size(text)?;
    if size.is_some_and(|size| size < least) {
        return Err(format!(
            "at least {} is needed; `none` lifts the limit",
            show_size(Some(least))
        ));
    }
    *place = size;
    Ok(())
}

fn set_duration(place: &mut Option<Duration>, text: &str) -> Result<(), String> {
    let duration = quantity::parse_duration(text)?;
    if duration.is_some_and(|duration| duration.is_zero()) {
        return Err("a limit of no time stops everything; `none` lifts the limit".to_owned());
    }
    *place = duration;
    Ok(())
}

fn set_usize(place: &mut usize, text: &str, most: u32) -> Result<(), String> {
    let count = count(text, most)?;
    *place = usize::try_from(count).unwrap_or(usize::MAX);
    Ok(())
}

/// `100` or `100,64KiB`; the part that is not given stays.
fn set_headers(limits: &mut Limits, text: &str) -> Result<(), String> {
    let (lines, bytes) = match text.split_once(',') {
        Some((lines, bytes)) => (lines, Some(bytes)),
        None => (text, None),
    };
    let parts = (|| {
        let lines = count(lines, MAX_HEADER_LINES)?;
        let bytes = match bytes {
            Some(bytes) => Some(bounded_size(bytes, MIN_HEADER_BYTES, MAX_HEADER_BYTES)?),
            None => None,
        };
        Ok::<_, String>((lines, bytes))
    })();
    let (lines, bytes) = parts
        .map_err(|error| format!("{error}; give lines (100) or lines and bytes (100,64KiB)"))?;
    set_usize(&mut limits.max_header_lines, &lines.to_string(), MAX_HEADER_LINES)?;
    if let Some(bytes) = bytes {
        limits.max_header_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    }
    Ok(())
}

/// A count from 1 to `most`; `none` is `most`, the largest the program can keep.
fn count(text: &str, most: u32) -> Result<u32, String> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("none") {
        return Ok(most);
    }
    match text.parse() {
        Ok(count) if (1..=most).contains(&count) => Ok(count),
        _ => Err(format!("a count is a whole number from 1 to {most}")),
    }
}

/// A size from `least` to `most`; `none` is `most`.
fn bounded_size(text: &str, least: u64, most: u64) -> Result<u64, String> {
    match quantity::parse_size(text)? {
        None => Ok(most),
        Some(size) if (least..=most).contains(&size) => Ok(size),
        Some(_) => {
            Err(format!("the size is from {} to {}", show_size(Some(least)), show_size(Some(most))))
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn every_setting_reads_what_it_shows() {
        let defaults = Limits::default();
        for setting in SETTINGS {
            let mut limits = Limits::default();
            (setting.apply)(&mut limits, &(setting.show)(&defaults)).unwrap();
            assert_eq!(limits, defaults, "{}", setting.name);
        }
    }

    #[test]
    fn every_field_of_the_limits_has_its_setting() {
        let mut limits = Limits::default();
        for setting in SETTINGS {
            let value = match setting.value {
                "SIZE" => "54321KiB",
                "DURATION" => "4321ms",
                "COUNT" => "43",
                _ => "43,2KiB",
            };
            (setting.apply)(&mut limits, value).unwrap();
        }
        let (size, time) = (Some(54_321 * KIB), Some(Duration::from_millis(4321)));
        let expected = Limits {
            max_memory: size,
            max_cpu: time,
            max_cpu_total: time,
            max_time: time,
            max_body: size,
            max_response: size,
            max_download: size,
            max_file: size,
            max_files: 43,
            max_header_lines: 43,
            max_header_bytes: 2048,
            max_connections: 43,
            max_in_flight: 43,
            max_outgoing: 43,
            max_websockets: 43,
            max_ws_message: size,
            max_ws_frame: size,
            header_timeout: time,
            body_timeout: time,
            idle_timeout: time,
            write_timeout: time,
            ws_idle_timeout: time,
            sse_keep_alive: time,
            max_handler_time: time,
            max_tasks: 43,
            grace_period: Duration::from_millis(4321),
            max_log: size,
            max_source: 54_321 * KIB,
            max_require_depth: 43,
        };
        assert_eq!(limits, expected);
    }

    #[test]
    fn none_lifts_every_limit() {
        for setting in SETTINGS {
            let mut limits = Limits::default();
            (setting.apply)(&mut limits, "none").unwrap();
        }
    }

    #[test]
    fn header_lines_alone_leave_the_bytes_as_they_are() {
        let mut limits = Limits::default();
        set_headers(&mut limits, "7").unwrap();
        assert_eq!((limits.max_header_lines, limits.max_header_bytes), (7, 64 * 1024));
        for wrong in ["", "0", "7,", ",7", "7,1", "7,1GiB", "7,8KiB,9", "9999"] {
            let message = set_headers(&mut limits, wrong).unwrap_err();
            assert!(message.contains("100,64KiB"), "{wrong}: {message}");
        }
        assert_eq!((limits.max_header_lines, limits.max_header_bytes), (7, 64 * 1024));
    }

    #[test]
    fn values_out_of_range_are_refused() {
        let mut limits = Limits::default();
        for (name, value) in [
            ("max-memory", "0"),
            ("max-memory", "8388607"),
            ("max-cpu", "0"),
            ("max-tasks", "0"),
            ("max-tasks", "99999999999"),
            ("max-connections", "-1"),
            ("max-source", "2GiB"),
            ("max-require-depth", "1000"),
        ] {
            let setting = find(name).unwrap();
            assert!((setting.apply)(&mut limits, value).is_err(), "{name}={value}");
        }
        assert_eq!(limits, Limits::default());
    }
}
