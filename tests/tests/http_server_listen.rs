//! `http.serve`: which port and address it listens on.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::TcpListener;

use tests::client::Raw;
use tests::run::{Run, Serving};

/// A port that nothing listens on at the moment.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

const SHOW: &str = "http.serve(tonumber(arg[1]), { GET = { ['/'] = function() return tostring(_SERVER_PORT) end } }, {
    on_listen = function(s) print(s.port) print(s.addr) end,
})";

#[test]
fn port_0_is_a_free_port_that_the_script_is_told() {
    let mut serving = Run::script(&["--allow-listen=0"], SHOW).args(["0"]).serve();
    assert_ne!(serving.port, 0);
    assert_eq!(serving.next_line(), format!("127.0.0.1:{}", serving.port));
    assert_eq!(Raw::connect(serving.port).get("/").text(), serving.port.to_string());
}

#[test]
fn a_port_that_is_given_is_the_one() {
    let port = free_port();
    let serving =
        Run::script(&[&format!("--allow-listen={port}")], SHOW).args([port.to_string()]).serve();
    assert_eq!(serving.port, port);
    assert_eq!(Raw::connect(port).get("/").text(), "nil", "_SERVER_PORT is for port 0");
}

#[test]
fn the_address_is_the_operators_to_choose() {
    for (grant, address) in [
        ("0", "127.0.0.1:"),
        ("127.0.0.2:0", "127.0.0.2:"),
        ("0.0.0.0:0", "0.0.0.0:"),
        ("[::1]:0", "[::1]:"),
    ] {
        if grant.starts_with('[') && TcpListener::bind("[::1]:0").is_err() {
            continue;
        }
        let mut serving =
            Run::script(&[&format!("--allow-listen={grant}")], SHOW).args(["0"]).serve();
        assert_eq!(serving.next_line(), format!("{address}{}", serving.port));
    }
}

#[test]
fn several_servers_run_at_once() {
    let mut serving = Run::script(
        &["--allow-listen=0"],
        "local function serve(name)
          http.serve(0, { GET = { ['/'] = function() return name end, ['/last'] = function() return tostring(_SERVER_PORT) end } }, {
            on_listen = function(s) print(s.port) end,
          })
          print(name .. ' has ended')
        end
        async.all{
          function() serve('one') end,
          function() serve('two') end,
        }
        print('both')",
    )
    .serve();
    let second: u16 = serving.next_line().parse().unwrap();
    assert_ne!(second, serving.port);
    assert_eq!(Raw::connect(serving.port).get("/").text(), "one");
    assert_eq!(Raw::connect(second).get("/").text(), "two");
    assert_eq!(Raw::connect(serving.port).get("/last").text(), second.to_string());
    serving.signal("TERM");
    let stdout = serving.finish().ok();
    let mut lines: Vec<_> = stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["both", "one has ended", "two has ended"]);
}

#[test]
fn without_a_grant_nothing_listens_and_the_error_names_the_flag() {
    let port = free_port();
    for flags in
        [&[][..], &["--allow-listen=1"], &["--allow-listen=0"], &["--allow-net=127.0.0.1:*"]]
    {
        let code = format!("http.serve({port}, {{}})");
        let stderr = Run::eval(flags, &code).finish().fails_with(1);
        let text =
            format!("listening on port {port} is not granted (run with --allow-listen={port})");
        assert!(stderr.contains("http.serve") && stderr.contains(&text), "{flags:?}: {stderr}");
    }
    let stderr = Run::eval(&["--allow-listen=8080"], "http.serve(0, {})").finish().fails_with(1);
    assert!(stderr.contains("--allow-listen=0"), "{stderr}");
}

#[test]
fn a_denial_is_an_error_a_script_can_handle() {
    let code = "local ok, e = pcall(http.serve, 8080, {}) print(ok, e.kind, tostring(e))";
    let stdout = Run::eval(&[], code).finish().ok();
    assert!(stdout.starts_with("false\tdenied\t"), "{stdout}");
    assert!(stdout.contains("--allow-listen=8080"), "{stdout}");
}

#[test]
fn a_busy_port_is_an_error_a_script_can_handle() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    let code =
        format!("local ok, e = pcall(http.serve, {port}, {{}}) print(ok, e.kind, tostring(e))");
    let stdout = Run::eval(&[&format!("--allow-listen={port}")], &code).finish().ok();
    assert!(stdout.starts_with("false\tio\thttp.serve: bind failed: "), "{stdout}");
    assert!(stdout.contains(&port.to_string()), "{stdout}");
}

#[test]
fn one_script_cannot_serve_a_port_twice_at_once() {
    let port = free_port();
    let grant = format!("--allow-listen={port}");
    let serving = Run::script(
        &[&grant],
        &format!(
            "http.serve({port}, {{ GET = {{ ['/'] = function()
              local ok, e = pcall(http.serve, {port}, {{}})
              return tostring(e)
            end }} }}, {{ on_listen = function(s) print(s.port) end }})"
        ),
    )
    .serve();
    let text = Raw::connect(port).get("/").text();
    assert!(text.contains("bind failed"), "{text}");
    assert_eq!(serving.port, port);
}

#[test]
fn a_port_is_free_again_when_its_server_is_closed() {
    let port = free_port();
    let mut serving = Run::script(
        &[&format!("--allow-listen={port}")],
        &format!(
            "for round = 1, 3 do
              local server
              http.serve({port}, {{ GET = {{ ['/'] = function() server:close() return 'round ' .. round end }} }}, {{
                on_listen = function(s) server = s print(s.port) end,
              }})
            end
            print('done')"
        ),
    )
    .serve();
    for round in 1..=3 {
        assert_eq!(Raw::connect(port).get("/").text(), format!("round {round}"));
        let line = serving.next_line();
        assert_eq!(line, if round < 3 { port.to_string() } else { "done".to_owned() });
    }
    serving.finish().ok();
}

#[test]
fn a_server_whose_on_listen_fails_does_not_keep_its_port() {
    let port = free_port();
    let serving: Serving = Run::script(
        &[&format!("--allow-listen={port}")],
        &format!(
            "local ok, e = pcall(http.serve, {port}, {{}}, {{ on_listen = function() error('not today') end }})
            assert(not ok and e:find('not today'), e)
            http.serve({port}, {{ GET = {{ ['/'] = function() return 'second' end }} }}, {{
              on_listen = function(s) print(s.port) end,
            }})"
        ),
    )
    .serve();
    assert_eq!(Raw::connect(serving.port).get("/").text(), "second");
}

#[test]
fn an_unknown_option_is_warned_about_by_name() {
    let mut serving = Run::script(
        &["--allow-listen=0"],
        "http.serve(0, {}, { on_listen = function(s) print(s.port) end, on_lisen = 1 })",
    )
    .serve();
    assert!(serving.stderr_line("on_lisen").contains("WARN"));
}
