//! Where a script was when a limit stopped it, and what becomes of its requests.

#![expect(clippy::expect_used, reason = "tests")]

use tests::client::Raw;
use tests::run::{Run, Serving};

#[test]
fn the_traceback_names_the_line_that_computes_and_all_that_led_there() {
    let source = "local x = 1

local function spin(n)
  local y = 0
  while true do
    y = y + n
  end
end

function outer(n)
  string.gsub('abc', 'b', function() spin(n) end)
end

local co = coroutine.wrap(function()
  outer(3)
end)

co()
";
    let stderr = Run::script(&["--max-cpu=200ms"], source).finish().fails_with(3);
    let (error, traceback) = stderr.split_once('\n').expect("two parts");
    assert!(error.starts_with("error: stopped: "), "{error}");
    let name = traceback.split_once('\t').and_then(|(_, rest)| rest.split_once(':'));
    let (name, _) = name.expect("a chunk's name");
    let expected = "stack traceback:
\tmain.lua:6: in function <main.lua:3>
\tmain.lua:11: in function <main.lua:11>
\t[C]: in function 'string.gsub'
\tmain.lua:11: in function 'outer'
\tmain.lua:15: in function <main.lua:14>
\t(...resumed by...)
\t[C]: in ?
\tmain.lua:18: in main chunk
\t[C]: in ?
";
    assert_eq!(traceback.replace(name, "main.lua"), expected);
}

#[test]
fn the_traceback_names_the_loop_of_every_kind() {
    for (code, line) in [
        ("\nfor _ = 1, math.huge do\n\nend", 2),
        ("\n\nwhile true do end", 3),
        ("\nrepeat\nuntil\nfalse", 4),
        ("\n\n\n::again::\ngoto again", 5),
        ("local t = {}\n\nfor _ in function() return 1 end do\nend", 3),
        ("local i = 0\nwhile i >= 0 do\ni = i + 1\nif i > 1000 then i = 0 end\nend", 4),
        ("\nlocal s = ('a'):rep(1e5)\ns:find(('.-'):rep(20) .. 'b')", 3),
        ("print(\n1,\n(function() while true do end end)())", 3),
    ] {
        let stderr = Run::eval(&["--max-cpu=150ms"], code).finish().fails_with(3);
        assert!(stderr.contains(&format!("eval:{line}: in")), "{code}: {stderr}");
    }
}

#[test]
fn long_functions_and_deep_recursion_are_told_as_lua_does() {
    // Lua notes the line of every 128th instruction; the rest is steps of at most 127 lines.
    let source = format!("{}\n{}while true do end", "x = 1\n".repeat(500), "\n".repeat(300));
    let stderr = Run::script(&["--max-cpu=150ms"], &source).finish().fails_with(3);
    assert!(stderr.contains(":802: in main chunk"), "{stderr}");

    let code = "local function f(n) while n == 0 do end return 1 + f(n - 1) end f(1e5)";
    let stderr = Run::eval(&["--max-cpu=150ms"], code).finish().fails_with(3);
    assert!(stderr.contains("...\t(skipping 99982 levels)"), "{stderr}");
    assert!(stderr.ends_with("eval:1: in main chunk\n\t[C]: in ?\n"), "{stderr}");
}

#[test]
fn names_that_a_script_chose_cannot_forge_a_line_of_the_log() {
    let mut server = Serving::routes(
        &["--max-cpu=150ms"],
        "_G['x\\n2026-01-01T00:00:00Z ERROR forged'] = function() while true do end end",
        "{ GET = { ['/'] = function() load('x = 1\\nlocal f = ... f()', '=\\27[2J\\nforged')(_G['x\\n2026-01-01T00:00:00Z ERROR forged']) end } }",
    );
    assert_eq!(Raw::connect(server.port).get("/").status, 503);
    let line = server.stderr_line("forged");
    assert!(line.contains("starts again") && line.contains("\\u001b[2J"), "{line}");
}

#[test]
fn an_instance_that_has_no_memory_for_a_request_is_replaced() {
    let mut server = Serving::routes(
        &["--max-memory=16MiB"],
        "local kept = {}
        local function fill()
          for _, size in ipairs { 3e5, 1e5, 40000, 17000, 9000, 5000, 2100, 1100, 600, 300, 150, 80, 41 } do
            pcall(function() while true do kept = { kept, ('x'):rep(size - 1) .. #kept } end end)
          end
        end",
        "{
            GET = { ['/'] = function() return 'well' end, ['/fill'] = function() fill() return 'full' end },
            POST = { ['/'] = function() sleep(1000) end },
        }",
    );
    assert_eq!(Raw::connect(server.port).get("/fill").text(), "full");
    // Bodies come in pieces that the host hands over one by one, until there is no room for one.
    let body = "x".repeat(200_000);
    let mut clients: Vec<_> = (0..60).map(|_| Raw::connect(server.port)).collect();
    for client in &mut clients {
        client
            .send(format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", body.len()));
        client.send(&body);
    }
    let line = server.stderr_line("starts again");
    assert!(line.contains("not enough memory") && line.contains("--max-memory"), "{line}");
    let answered = clients.iter_mut().take(5).filter_map(|client| client.read_response(false));
    let statuses: Vec<_> = answered.map(|answer| answer.status).collect();
    assert!(!statuses.is_empty() && statuses.iter().all(|status| *status == 503), "{statuses:?}");
    assert_eq!(server.next_line(), server.port.to_string());
    assert_eq!(Raw::connect(server.port).get("/").text(), "well");
}
