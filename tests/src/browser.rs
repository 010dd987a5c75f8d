//! Drives Chromium through its driver (W3C WebDriver), so that a test sees what a person would.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::GUARD;
use crate::client::Raw;
use crate::folder::Folder;

/// Headless, and able to run as root in a container, where there is neither a sandbox nor much `/dev/shm`.
/// Windows behind others work like those in front.
const FLAGS: [&str; 7] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
];

/// The key under which WebDriver gives elements (section 12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// What the Enter key is called (section 17.4.2).
pub const ENTER: &str = "\u{E007}";

/// A browser; ended when dropped.
#[derive(Debug)]
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    profile: Folder,
}

/// One of its windows; it stays open until it is closed or the browser ends.
#[derive(Debug)]
pub struct Window<'a> {
    browser: &'a Browser,
    handle: String,
}

impl Browser {
    /// Starts a browser. Where none is installed, there is none, and standard error says that a test is
    /// skipped; in CI it is a failure.
    pub fn start() -> Option<Self> {
        let (Some(browser), Some(driver)) = (find("chromium"), find("chromedriver")) else {
            assert!(env::var_os("CI").is_none(), "no browser in CI: run make setup-browser");
            let test = thread::current().name().unwrap_or("a test").to_owned();
            // Written past the test harness, which shows what a test prints only if it fails.
            let _ = writeln!(
                std::io::stderr(),
                "skipped: {test}: chromium or chromedriver is missing (run make setup-browser)"
            );
            return None;
        };
        let profile = Folder::new();
        let (driver, port) = start_driver(&driver);
        let mut started = Self { driver, port, session: String::new(), profile };
        let folder = started.profile.path().display().to_string();
        let flags: Vec<String> = FLAGS
            .map(str::to_owned)
            .into_iter()
            .chain([format!("--user-data-dir={folder}")])
            .collect();
        let session = started.ask(
            "POST",
            "/session",
            &json!({"capabilities": {"alwaysMatch": {
                "goog:chromeOptions": {"binary": browser, "args": flags},
            }}}),
        );
        started.session = text(session.get("sessionId"));
        Some(started)
    }

    /// A new window with this page, as wide as a laptop's.
    pub fn open(&self, url: &str) -> Window<'_> {
        let window = self.command("POST", "/window/new", &json!({"type": "window"}));
        let window = Window { browser: self, handle: text(window.get("handle")) };
        window.resize(1000, 700);
        window.go(url);
        window
    }

    /// A command of the session.
    fn command(&self, method: &str, path: &str, parameters: &Value) -> Value {
        self.ask(method, &format!("/session/{}{path}", self.session), parameters)
    }

    fn ask(&self, method: &str, path: &str, parameters: &Value) -> Value {
        let answer = self.try_ask(method, path, parameters);
        answer.unwrap_or_else(|error| panic!("{method} {path} {parameters} failed: {error}"))
    }

    /// The value the driver answers with; its error otherwise.
    fn try_ask(&self, method: &str, path: &str, parameters: &Value) -> Result<Value, String> {
        let body = if method == "POST" { parameters.to_string() } else { String::new() };
        let mut connection = Raw::connect(self.port);
        connection.send(format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        ));
        let response = connection.response();
        let mut answer: Value =
            serde_json::from_slice(&response.body).expect("the driver answers with JSON");
        if response.status != 200 {
            return Err(response.text());
        }
        Ok(answer.get_mut("value").map(Value::take).unwrap_or_default())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Without this, the driver's end would leave the browser behind.
        if !self.session.is_empty() {
            let _ = self.try_ask("DELETE", &format!("/session/{}", self.session), &Value::Null);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

impl Window<'_> {
    /// Opens a page.
    pub fn go(&self, url: &str) {
        self.command("POST", "/url", &json!({ "url": url }));
    }

    /// Gives the page this many pixels.
    pub fn resize(&self, width: u32, height: u32) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.command(
            "POST",
            "/goog/cdp/execute",
            &json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": size}),
        );
    }

    /// The value of an expression in the page.
    pub fn value(&self, expression: &str) -> Value {
        let script = format!("return ({expression});");
        self.command("POST", "/execute/sync", &json!({"script": script, "args": []}))
    }

    /// The text of the elements a selector finds, in the order of the page.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        let found = self.value(&format!(
            "[...document.querySelectorAll({})].map(e => e.textContent.trim())",
            json!(selector)
        ));
        found.as_array().into_iter().flatten().map(|value| text(Some(value))).collect()
    }

    /// Waits until an expression in the page is true.
    #[track_caller]
    pub fn wait_for(&self, expression: &str) {
        let begun = Instant::now();
        while self.value(expression) != Value::Bool(true) {
            if begun.elapsed() > GUARD {
                let shown = self.value("document.body.innerText");
                panic!("{expression} did not become true; the page shows:\n{}", text(Some(&shown)));
            }
            // Polling a page is no synchronisation: nothing depends on how long this takes.
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Types into the element a selector finds, as a person does.
    pub fn type_into(&self, selector: &str, keys: &str) {
        let query = json!({"using": "css selector", "value": selector});
        let element = text(self.command("POST", "/element", &query).get(ELEMENT));
        self.command("POST", &format!("/element/{element}/value"), &json!({ "text": keys }));
    }

    /// Writes what the window shows to `target/screenshots/NAME.png`.
    pub fn screenshot(&self, name: &str) {
        let image = text(Some(&self.command("GET", "/screenshot", &Value::Null)));
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/screenshots");
        fs::create_dir_all(&folder).expect("folders can be made");
        fs::write(folder.join(format!("{name}.png")), base64(&image)).expect("it can be written");
    }

    /// Closes it, as a person does who clicks it away.
    pub fn close(self) {
        self.command("DELETE", "/window", &Value::Null);
    }

    /// A command in this window.
    fn command(&self, method: &str, path: &str, parameters: &Value) -> Value {
        self.browser.command("POST", "/window", &json!({ "handle": self.handle }));
        self.browser.command(method, path, parameters)
    }
}

/// Where a program is on the PATH.
fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Starts the driver on a port of its choice. It takes one of IPv4 and gives up if IPv6 does not have the same
/// one free; then another is tried.
fn start_driver(program: &Path) -> (Child, u16) {
    for _ in 0..20 {
        let mut driver = Command::new(program)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the driver starts");
        if let Some(port) = port_of(&mut driver) {
            return (driver, port);
        }
        let _ = driver.wait();
    }
    panic!("{} finds no port", program.display());
}

/// Waits until the driver says its port; none if it ends instead. Its further words are read and dropped.
fn port_of(driver: &mut Child) -> Option<u16> {
    let mut lines = BufReader::new(driver.stdout.take().expect("stdout is piped")).lines();
    let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
        let (_, rest) = line.split_once("successfully on port ")?;
        rest.trim_end_matches('.').parse().ok()
    });
    thread::spawn(move || lines.map_while(Result::ok).count());
    port
}

#[track_caller]
fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_else(|| panic!("a text, not {value:?}")).to_owned()
}

/// Decodes base64 (RFC 4648, section 4).
fn base64(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for digit in text.bytes().filter(|digit| *digit != b'=') {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}
