//! Chromium on the pages of the examples: what WebSocket and EventSource of a browser make of our streams.
//!
//! Each test leaves a picture of its page in `target/screenshots`.

#![expect(clippy::unwrap_used, reason = "tests")]

use tests::browser::{Browser, ENTER, Window};
use tests::client::send;
use tests::examples::{serve, serve_on};
use tests::relay::Relay;
use tests::run::Serving;

/// A window that has joined the chat under this name.
fn join<'a>(browser: &'a Browser, server: &Serving, name: &str) -> Window<'a> {
    let window = browser.open(&server.url("/"));
    window.type_into("#name", &format!("{name}{ENTER}"));
    wait_for_status(&window, &format!("connected as {name}"));
    wait_for_last_line(&window, &format!("{name} joined"));
    window
}

fn say(window: &Window<'_>, text: &str) {
    window.type_into("#text", &format!("{text}{ENTER}"));
}

#[track_caller]
fn wait_for_status(window: &Window<'_>, text: &str) {
    window.wait_for(&format!("document.querySelector('#status').textContent === {text:?}"));
}

#[track_caller]
fn wait_for_last_line(window: &Window<'_>, text: &str) {
    window.wait_for(&format!(
        "(document.querySelector('#log li:last-child')?.textContent ?? '').endsWith({text:?})"
    ));
}

#[track_caller]
fn wait_for_lines(window: &Window<'_>, count: usize) {
    window.wait_for(&format!("document.querySelectorAll('#log .text').length >= {count}"));
}

/// Adds a line to the log of the clock page.
#[track_caller]
fn append(server: &Serving, line: &str) {
    assert_eq!(send(server.port, "POST", "/log", line).0, 201);
}

#[test]
fn both_windows_of_a_chat_show_every_message_in_one_order() {
    let Some(browser) = Browser::start() else { return };
    let server = serve("chat.lua");
    let ada = join(&browser, &server, "Ada");
    let bob = join(&browser, &server, "Bob");
    let count = 200;
    for window in [&ada, &bob] {
        // Both send at once, each its own numbers; a script is the fastest typist.
        window.value(&format!(
            "Array.from({{length: {count}}}, (_, i) => socket.send(`${{own}} ${{i}}`)).length"
        ));
    }
    wait_for_lines(&ada, 2 * count);
    wait_for_lines(&bob, 2 * count);
    let seen = ada.texts("#log .text");
    assert_eq!(seen, bob.texts("#log .text"));
    for name in ["Ada", "Bob"] {
        let own: Vec<_> = seen.iter().filter(|text| text.starts_with(name)).cloned().collect();
        let sent: Vec<_> = (0..count).map(|number| format!("{name} {number}")).collect();
        assert_eq!(own, sent);
    }
}

#[test]
fn a_newcomer_is_shown_the_last_twenty_messages_and_markup_is_only_text() {
    let Some(browser) = Browser::start() else { return };
    let server = serve("chat.lua");
    let ada = join(&browser, &server, "Ada");
    for number in 1..=24 {
        ada.value(&format!("socket.send('message {number}')"));
    }
    say(&ada, "<b>héllo</b> ✓");
    wait_for_lines(&ada, 25);
    let bob = join(&browser, &server, "Bob");
    let shown = bob.texts("#log .text");
    assert_eq!(shown.len(), 20);
    assert_eq!(shown.first().unwrap(), "message 6");
    assert_eq!(shown.last().unwrap(), "<b>héllo</b> ✓");
    assert!(bob.texts("#log b").is_empty());
}

#[test]
fn the_page_shows_the_code_and_the_reason_with_which_the_script_closed() {
    let Some(browser) = Browser::start() else { return };
    let server = serve("chat.lua");
    let ada = join(&browser, &server, "Ada");
    let bob = join(&browser, &server, "Bob");
    say(&ada, "Shall we meet at noon?");
    wait_for_lines(&bob, 1);
    say(&bob, "Gladly: under the oak, as always. I shall bring bread and cheese.");
    wait_for_lines(&ada, 2);
    say(&ada, "See you then.");
    wait_for_lines(&bob, 3);
    say(&bob, "/quit");
    wait_for_status(&bob, "goodbye, Bob (4001)");
    wait_for_last_line(&ada, "Bob left");
    ada.screenshot("chat");
    bob.resize(390, 700);
    bob.screenshot("chat-phone");
    // The name is free again, and one that is not is refused with another code.
    bob.type_into("#name", ENTER);
    wait_for_status(&bob, "connected as Bob");
    let other = browser.open(&server.url("/"));
    other.type_into("#name", &format!("Ada{ENTER}"));
    wait_for_status(&other, "somebody here is called Ada (4002)");
}

#[test]
fn a_window_that_is_closed_ends_its_handler() {
    let Some(browser) = Browser::start() else { return };
    let mut server = serve("chat.lua");
    let ada = join(&browser, &server, "Ada");
    let bob = join(&browser, &server, "Bob");
    assert_eq!([server.next_line(), server.next_line()], ["Ada joined", "Bob joined"]);
    bob.close();
    assert_eq!(server.next_line(), "Bob left");
    wait_for_last_line(&ada, "Bob left");
}

#[test]
fn a_stopped_chat_says_going_away() {
    let Some(browser) = Browser::start() else { return };
    let server = serve("chat.lua");
    let ada = join(&browser, &server, "Ada");
    server.signal("TERM");
    ada.wait_for("/\\(1001\\)/.test(document.querySelector('#status').textContent)");
    assert_eq!(server.finish().code, 0);
}

#[test]
fn the_clock_ticks_and_lines_of_the_log_come_in_order() {
    let Some(browser) = Browser::start() else { return };
    let server = serve("sse_clock.lua");
    append(&server, "written before anybody looked");
    let page = browser.open(&server.url("/"));
    wait_for_status(&page, "live");
    page.wait_for("/^\\d\\d:\\d\\d:\\d\\d$/.test(document.querySelector('#clock').textContent)");
    page.value("window.begun = document.querySelector('#clock').textContent");
    page.type_into("#text", &format!("the build is <i>green</i> ✓{ENTER}"));
    wait_for_lines(&page, 2);
    for number in 3..=40 {
        append(&server, &format!("line {number}"));
    }
    wait_for_lines(&page, 40);
    let numbers: Vec<_> = (1..=40).map(|number| number.to_string()).collect();
    assert_eq!(page.texts("#log .number"), numbers);
    let texts = page.texts("#log .text");
    let begin = ["written before anybody looked", "the build is <i>green</i> ✓", "line 3"];
    assert!(texts.iter().zip(begin).all(|(text, expected)| text == expected), "{texts:?}");
    page.wait_for("document.querySelector('#clock').textContent !== window.begun");
    page.screenshot("sse-clock");
    page.resize(390, 700);
    page.screenshot("sse-clock-phone");
}

#[test]
fn a_page_that_comes_back_after_a_restart_says_what_it_saw_and_gets_every_line_once() {
    let Some(browser) = Browser::start() else { return };
    let mut server = serve("sse_clock.lua");
    let page = browser.open(&server.url("/"));
    wait_for_status(&page, "live");
    assert_eq!(server.next_line(), "a listener came");
    for number in 1..=3 {
        append(&server, &format!("line {number}"));
    }
    wait_for_lines(&page, 3);
    let port = server.port;
    let last = page.value("document.querySelector('#log li:last-child').dataset.id");
    server.signal("TERM");
    assert_eq!(server.finish().code, 0);
    page.wait_for("document.querySelector('#status').textContent !== 'live'");
    page.screenshot("sse-clock-reconnecting");

    let mut server = serve_on("sse_clock.lua", port);
    for number in 4..=5 {
        append(&server, &format!("line {number}"));
    }
    assert_eq!(
        server.next_line(),
        format!("a listener came back after {}", last.as_str().unwrap())
    );
    append(&server, "line 6");
    wait_for_lines(&page, 6);
    let expected: Vec<_> = (1..=6).map(|number| format!("line {number}")).collect();
    assert_eq!(page.texts("#log .text"), expected);
}

#[test]
fn a_page_whose_connection_breaks_gets_exactly_the_lines_it_missed() {
    let Some(browser) = Browser::start() else { return };
    let mut server = serve("sse_clock.lua");
    let relay = Relay::to(server.port);
    let page = browser.open(&format!("http://127.0.0.1:{}/", relay.port));
    wait_for_status(&page, "live");
    assert_eq!(server.next_line(), "a listener came");
    append(&server, "line 1");
    wait_for_lines(&page, 1);
    relay.cut();
    assert_eq!(server.next_line(), "a listener left");
    append(&server, "line 2");
    append(&server, "line 3");
    relay.mend();
    assert!(server.next_line().ends_with("-1"), "the page says that it saw line 1");
    append(&server, "line 4");
    wait_for_lines(&page, 4);
    let expected: Vec<_> = (1..=4).map(|number| format!("line {number}")).collect();
    assert_eq!(page.texts("#log .text"), expected);
}
