//! Every limit of a run, each with its reason.
//!
//! Two groups: [`Limits`] are the operator's to change by flag and policy; the constants are the
//! program's own and bound what no operator needs to choose.

use std::time::Duration;

/// 1024 bytes.
pub const KIB: u64 = 1024;
/// 1024 KiB.
pub const MIB: u64 = 1024 * KIB;
/// 1024 MiB.
pub const GIB: u64 = 1024 * MIB;

/// Least memory of an instance: with less, the interpreter and what it stands on do not even start.
pub const MIN_MEMORY: u64 = 8 * MIB;

/// Largest result that crosses into the guest at once. The guest's `cabi_realloc` cannot report a
/// full memory except by a trap, so large things are pulled in pieces into memory Lua allocated.
pub const MAX_CROSSING: usize = 64 * 1024;

/// Part of a request body that travels with its head: most bodies, and together with
/// [`MAX_EVENTS`] requests a batch stays small enough for a guest whose memory is nearly full.
pub const MAX_INLINE_BODY: usize = 32 * 1024;

/// Server events handed over by one call. Batches of 16 halve the cost of a crossing; larger ones
/// gain nothing and let one batch keep the guest from its timers.
pub const MAX_EVENTS: usize = 16;

/// Period of the engine's epoch ticker: the longest a computing guest keeps its thread from the
/// other tasks, and the precision of the CPU limits.
pub const EPOCH_TICK: Duration = Duration::from_millis(2);

/// Hops of a redirect chain, as the WHATWG fetch standard's 20 is more than any honest server needs.
pub const MAX_REDIRECTS: usize = 10;

/// Bytes of a URL a script may ask for: what servers accept at most (RFC 9110, section 4.1, asks for 8000).
pub const MAX_URL: usize = 16 * 1024;

/// Lines of a header section, whatever the operator allows: the HTTP library keeps room for them on
/// every connection, and its header map cannot hold more than 24,576 names.
pub const MAX_HEADER_LINES: usize = 10_000;

/// Bytes of a request method, both directions; the longest registered one has 17.
pub const MAX_METHOD: usize = 64;

/// Name look-ups under way at once. Each holds a thread until the system's resolver answers, even
/// when nobody waits for the answer any more.
pub const MAX_LOOKUPS: usize = 32;

/// Addresses of one name that are considered: more than a connection attempt has time for.
pub const MAX_ADDRESSES: usize = 16;

/// Bytes of a line of an audit log that is read back; the host writes none as long.
pub const MAX_AUDIT_LINE: u64 = 64 * 1024;

/// Bytes that the summary of an audit log may take; a script can fill a log with different targets.
pub const MAX_AUDIT_SUMMARY: usize = 32 * 1024 * 1024;

/// Origins to which one script keeps connections for later requests, over all its HTTP clients.
pub const MAX_POOLS: usize = 64;

/// Idle connections kept for each of these origins.
pub const MAX_IDLE_PER_POOL: usize = 16;

/// Request bodies of a script that are being sent at once: `--max-outgoing` copies of a large string
/// would otherwise be far more than the script's own memory.
pub const MAX_OUTGOING_BODIES: u64 = 256 * MIB;

/// Bytes of the target of an incoming request; more is answered 414. As [`MAX_URL`], the other way round.
pub const MAX_TARGET: usize = MAX_URL;

/// Request bodies that one worker may hold in host memory at once, over all its connections.
pub const MAX_BUFFERED_BODIES: u64 = 256 * MIB;

/// Largest piece a script may hand to a stream at once: one server-sent event, one part of a streamed
/// body. The host holds it until the peer takes it, so this times the connections bounds its memory.
pub const MAX_STREAM_WRITE: usize = 1024 * 1024;

/// What a stream or WebSocket holds back for a slow peer before its writer has to wait: enough that a
/// writer of small pieces is woken seldom, little enough for thousands of idle connections.
pub const MAX_STREAM_QUEUE: usize = 64 * 1024;

/// Bytes that the streams and WebSockets of one worker may hold for their peers, all together.
pub const MAX_BUFFERED_STREAMS: u64 = 256 * MIB;

/// Messages of a WebSocket that are read ahead of the script, in bytes: beyond one message, this much;
/// then TCP holds the peer back.
pub const MAX_READ_AHEAD: usize = 64 * 1024;

/// Pause between two pings to a silent WebSocket peer. After two that nobody answered it is dead.
pub const WS_PING_PERIOD: Duration = Duration::from_secs(30);

/// How long our close frame waits for the peer's; what the peer still sends is thrown away.
pub const WS_CLOSE_TIME: Duration = Duration::from_secs(5);

/// How long, after the last frame, a WebSocket's socket is read and thrown away before it is closed: a
/// system that closes a socket with unread data resets it, and the peer may lose our close frame.
pub const WS_DRAIN_TIME: Duration = Duration::from_secs(2);

/// Bytes thrown away in that time at most.
pub const WS_DRAIN_BYTES: usize = 16 * 1024 * 1024;

/// Subprotocols that may be offered at once.
pub const MAX_WS_PROTOCOLS: usize = 32;

/// Bytes a WebSocket message costs beside its own where messages are counted in bytes, so that empty
/// ones are bounded too.
pub const WS_MESSAGE_COST: usize = 64;

/// Pieces of a download that wait for the disk, each at most [`MAX_CROSSING`] bytes: enough that network
/// and disk seldom wait for each other, little enough for `--max-outgoing` downloads at once.
pub const MAX_DISK_QUEUE: usize = 8;

/// Shortest time between two calls of a download's `on_progress`: what comes faster nobody sees.
pub const PROGRESS_PERIOD: Duration = Duration::from_millis(100);

/// Bytes of a file of certificates: the system's whole collection has a quarter of that.
pub const MAX_CERTIFICATES: u64 = MIB;

/// Longest line the script's log writes; the rest is cut and said so.
pub const MAX_LOG_LINE: usize = 16 * 1024;

/// The operator's limits. `None` lifts a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `--max-memory`: linear memory of one instance.
    pub max_memory: Option<u64>,
    /// `--max-cpu`: guest execution in one resumption of a coroutine by the event loop.
    pub max_cpu: Option<Duration>,
    /// `--max-cpu-total`: guest execution of the whole run.
    pub max_cpu_total: Option<Duration>,
    /// `--max-time`: wall clock of the whole run.
    pub max_time: Option<Duration>,
    /// `--max-body`: body of an incoming request.
    pub max_body: Option<u64>,
    /// `--max-response`: decoded body of a fetched response.
    pub max_response: Option<u64>,
    /// `--max-download`: bytes of one downloaded file.
    pub max_download: Option<u64>,
    /// `--max-file`: bytes to which a script may let a file grow.
    pub max_file: Option<u64>,
    /// `--max-files`: files a script has open at once.
    pub max_files: usize,
    /// `--max-headers`: lines of a header section, both directions.
    pub max_header_lines: usize,
    /// `--max-headers`: bytes of a header section, both directions.
    pub max_header_bytes: usize,
    /// `--max-connections`: connections a server keeps open.
    pub max_connections: usize,
    /// `--max-in-flight`: requests of one worker that are with their handlers.
    pub max_in_flight: usize,
    /// `--max-outgoing`: exchanges a script has open at once.
    pub max_outgoing: usize,
    /// `--max-websockets`: WebSocket connections open at once, both directions, of one worker.
    pub max_websockets: usize,
    /// `--max-ws-message`: bytes of one WebSocket message, both directions.
    pub max_ws_message: Option<u64>,
    /// `--max-ws-frame`: bytes of one frame of a message that is received.
    pub max_ws_frame: Option<u64>,
    /// `--header-timeout`: from the first byte of a request to the end of its header section.
    pub header_timeout: Option<Duration>,
    /// `--body-timeout`: without progress of a request body.
    pub body_timeout: Option<Duration>,
    /// `--idle-timeout`: between two requests of a connection.
    pub idle_timeout: Option<Duration>,
    /// `--write-timeout`: without progress of a response.
    pub write_timeout: Option<Duration>,
    /// `--ws-idle-timeout`: without a message of a WebSocket in either direction.
    pub ws_idle_timeout: Option<Duration>,
    /// `--sse-keep-alive`: silence of an event stream after which a comment is sent.
    pub sse_keep_alive: Option<Duration>,
    /// `--max-handler-time`: until a handler returns its table.
    pub max_handler_time: Option<Duration>,
    /// `--max-tasks`: coroutines waiting, timers and handles.
    pub max_tasks: u32,
    /// `--grace-period`: from the request to stop until connections are cut.
    pub grace_period: Duration,
    /// `--max-log`: bytes of log a second.
    pub max_log: Option<u64>,
    /// `--max-source`: bytes of one chunk of Lua source.
    pub max_source: u64,
    /// `--max-require-depth`: how deep `require` may nest.
    pub max_require_depth: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_memory: Some(128 * MIB),
            max_cpu: Some(Duration::from_secs(10)),
            max_cpu_total: None,
            max_time: None,
            max_body: Some(8 * MIB),
            max_response: Some(64 * MIB),
            max_download: Some(GIB),
            max_file: Some(GIB),
            max_files: 256,
            max_header_lines: 100,
            max_header_bytes: 64 * 1024,
            max_connections: 10_000,
            max_in_flight: 1_000,
            max_outgoing: 256,
            max_websockets: 10_000,
            max_ws_message: Some(MIB),
            max_ws_frame: Some(MIB),
            header_timeout: Some(Duration::from_secs(10)),
            body_timeout: Some(Duration::from_secs(30)),
            idle_timeout: Some(Duration::from_secs(60)),
            write_timeout: Some(Duration::from_secs(30)),
            ws_idle_timeout: None,
            sse_keep_alive: Some(Duration::from_secs(15)),
            max_handler_time: Some(Duration::from_secs(60)),
            max_tasks: 50_000,
            grace_period: Duration::from_secs(10),
            max_log: Some(MIB),
            max_source: 4 * MIB,
            max_require_depth: 64,
        }
    }
}
