//! Runs the binary under test.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use crate::GUARD;
use crate::folder::Folder;

/// The binary beside the test binaries.
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let profile = test.parent().and_then(Path::parent).expect("tests are in <profile>/deps");
    let binary = profile.join("tidelock");
    assert!(binary.is_file(), "{} is missing: run `make build` first", binary.display());
    binary
}

/// A command line that is being put together.
#[derive(Debug)]
pub struct Run {
    command: Command,
    input: Vec<u8>,
    folder: Option<Folder>,
}

/// How a process ended and what it said.
#[derive(Debug)]
pub struct Finished {
    /// The exit code; -1 if a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Run {
    /// `tidelock` with these arguments.
    pub fn new<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Self {
        Self::program(binary()).args(arguments)
    }

    /// Another program, such as a client that others wrote.
    pub fn program(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { command, input: Vec::new(), folder: None }
    }

    /// `tidelock eval FLAGS CODE`.
    pub fn eval(flags: &[&str], code: &str) -> Self {
        Self::new(["eval"].iter().chain(flags).chain(&[code]))
    }

    /// `tidelock run FLAGS SCRIPT`, the script being written to a folder of its own.
    pub fn script(flags: &[&str], source: &str) -> Self {
        let folder = Folder::new();
        let path = folder.write("main.lua", source);
        let mut run = Self::new(["run"].iter().chain(flags));
        run.command.arg(path);
        run.folder = Some(folder);
        run
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets the working directory.
    pub fn in_folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// What the process reads from standard input.
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    /// Runs to the end.
    pub fn finish(mut self) -> Finished {
        let mut child = self.command.spawn().expect("the binary starts");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        let input = std::mem::take(&mut self.input);
        thread::spawn(move || stdin.write_all(&input));
        let stdout = collect(child.stdout.take().expect("stdout is piped"));
        let stderr = collect(child.stderr.take().expect("stderr is piped"));
        let code = wait(&mut child);
        Finished { code, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
    }

    /// Starts a process that serves: its script prints its port, or a URL that ends with it, as the first
    /// line of standard output (`on_listen = function(s) print(s.port) end`).
    pub fn serve(mut self) -> Serving {
        let mut child = self.command.spawn().expect("the binary starts");
        let stdout = Lines::watch(child.stdout.take().expect("stdout is piped"));
        let stderr = Lines::watch(child.stderr.take().expect("stderr is piped"));
        let line = stdout.next();
        let port = line.trim_end().trim_end_matches('/').rsplit(':').next().unwrap_or_default();
        let Ok(port) = port.parse() else {
            let _ = child.kill();
            panic!("the script did not print its port but {line:?}; stderr:\n{}", stderr.all());
        };
        Serving { child, port, stdout, stderr, _folder: self.folder }
    }
}

/// A process that serves; killed when dropped.
#[derive(Debug)]
pub struct Serving {
    /// The process.
    pub child: Child,
    /// The port it printed.
    pub port: u16,
    stdout: Lines,
    stderr: Lines,
    _folder: Option<Folder>,
}

impl Serving {
    /// Serves `routes` (the text of a Lua table) on a free port; `before` is code that runs first.
    pub fn routes(flags: &[&str], before: &str, routes: &str) -> Self {
        let source = format!(
            "{before}\nhttp.serve(0, {routes}, {{ on_listen = function(s) print(s.port) end }})\nprint('after serve')\n"
        );
        Run::script(&[&["--allow-listen=0"], flags].concat(), &source).serve()
    }

    /// `http://127.0.0.1:PORT` and this path.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Waits for the next line of standard output; empty at its end.
    pub fn next_line(&mut self) -> String {
        self.stdout.next()
    }

    /// Waits until standard error has a line with this text, and gives the line.
    pub fn stderr_line(&mut self, text: &str) -> String {
        self.stderr.wait_for(text)
    }

    /// Waits until standard error has as many lines with this text.
    pub fn stderr_lines(&mut self, text: &str, count: usize) {
        self.stderr.wait_for_many(text, count);
    }

    /// Sends a signal such as `TERM`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status()
            .expect("kill runs");
        assert!(status.success(), "kill -{name} failed");
    }

    /// Waits for the end and gives the exit code and all that was said.
    pub fn finish(mut self) -> Finished {
        let code = wait(&mut self.child);
        self.stderr.drain();
        let stdout = self.stdout.rest();
        Finished { code, stdout, stderr: self.stderr.all() }
    }

    /// Resident memory of the process in KiB.
    pub fn resident_kib(&self) -> u64 {
        resident_kib(self.child.id())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Resident memory of a process in KiB.
pub fn resident_kib(process: u32) -> u64 {
    memory_kib(process, "VmRSS:")
}

/// What of it is no part of a file, such as the program's own code, in KiB.
pub fn anonymous_kib(process: u32) -> u64 {
    memory_kib(process, "RssAnon:")
}

fn memory_kib(process: u32, kind: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it lives");
    let line = status.lines().find(|line| line.starts_with(kind)).expect("Linux says it");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

/// Lines that a thread reads as they come.
#[derive(Debug)]
struct Lines {
    receiver: mpsc::Receiver<String>,
    seen: std::cell::RefCell<Vec<String>>,
}

impl Lines {
    fn watch(source: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(source).split(b'\n').map_while(Result::ok) {
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
            }
        });
        Self { receiver, seen: std::cell::RefCell::default() }
    }

    fn wait_for_many(&self, text: &str, count: usize) {
        while self.seen.borrow().iter().filter(|line| line.contains(text)).count() < count {
            let Ok(line) = self.receiver.recv_timeout(GUARD) else {
                panic!("not {count} lines with {text:?} on standard error, but:\n{}", self.all());
            };
            self.seen.borrow_mut().push(line);
        }
    }

    fn wait_for(&self, text: &str) -> String {
        if let Some(line) = self.seen.borrow().iter().find(|line| line.contains(text)) {
            return line.clone();
        }
        loop {
            let Ok(line) = self.receiver.recv_timeout(GUARD) else {
                panic!("no line with {text:?} on standard error, but:\n{}", self.all());
            };
            self.seen.borrow_mut().push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// The next line that was not given yet; empty at the end.
    fn next(&self) -> String {
        match self.receiver.recv_timeout(GUARD) {
            Ok(line) => line.trim_end().to_owned(),
            Err(mpsc::RecvTimeoutError::Disconnected) => String::new(),
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("no line came within {GUARD:?}"),
        }
    }

    /// All lines to the end that were not given yet.
    fn rest(&self) -> String {
        let mut text = String::new();
        while let Ok(line) = self.receiver.recv_timeout(GUARD) {
            text.push_str(&line);
            text.push('\n');
        }
        text
    }

    fn drain(&self) {
        while let Ok(line) = self.receiver.recv_timeout(GUARD) {
            self.seen.borrow_mut().push(line);
        }
    }

    fn all(&self) -> String {
        self.seen.borrow_mut().extend(self.receiver.try_iter());
        self.seen.borrow().join("\n")
    }
}

fn collect(mut source: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = source.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn wait(child: &mut Child) -> i32 {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("the process can be waited for") {
            return status.code().unwrap_or(-1);
        }
        if begun.elapsed() > GUARD {
            let _ = child.kill();
            panic!("the process did not end within {GUARD:?}");
        }
        // Polling a process is no synchronisation: nothing depends on how long this takes.
        thread::sleep(std::time::Duration::from_millis(2));
    }
}

impl Finished {
    /// Asserts success and gives standard output.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self.stdout
    }

    /// Asserts this exit code and gives standard error.
    #[track_caller]
    pub fn fails_with(self, code: i32) -> String {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self.stderr
    }
}
