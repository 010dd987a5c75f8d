//! What a script passes to the client wrongly: each error names function, argument and line.

use tests::run::Run;
use tests::upstream::Upstream;

/// What `code`, on line 3 of a script and not in tail position, raises. Nothing may be sent.
#[track_caller]
fn refusal(code: &str) -> String {
    let upstream = Upstream::text("x");
    let script = format!(
        "local u = ...\nlocal function try()\nlocal r = {code}\nreturn r end\n\
         local ok, e = pcall(try) assert.eq(ok, false) print(e)"
    );
    let said = Run::script(&[&upstream.grant()], &script).args([upstream.url("/")]).finish().ok();
    assert!(upstream.seen().is_empty(), "{code}: a request was sent");
    said
}

/// Each code must raise an error at the script's own line that begins with the text.
#[track_caller]
fn refusals(cases: &[(&str, &str)]) {
    for (code, text) in cases {
        let said = refusal(code);
        assert!(said.contains(&format!("main.lua:3: {text}")), "{code}:\n{said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{code}:\n{said}");
    }
}

#[test]
fn arguments_of_the_wrong_type_name_function_argument_and_expectation() {
    refusals(&[
        ("http.get()", "http.get: argument #1 must be a URL string, got nil"),
        ("http.get({})", "http.get: argument #1 must be a URL string, got table"),
        ("http.delete(1)", "http.delete: argument #1 must be a URL string, got number"),
        ("http.post(nil, 'x')", "http.post: argument #1 must be a URL string, got nil"),
        ("http.client():get()", "http.get: argument #1 must be a URL string, got nil"),
        ("http.request(1, u)", "http.request: argument #1 must be a method name, got number"),
        ("http.request('GET')", "http.request: argument #2 must be a URL string, got nil"),
        ("http.get(u, 'x')", "http.get: options must be a table, got string"),
        ("http.head(u, 1)", "http.head: options must be a table, got number"),
        ("http.put(u, 'x', true)", "http.put: options must be a table, got boolean"),
        ("http.post(u, 1)", "http.post: the body must be a string, a table or nil, got number"),
        (
            "http.patch(u, print)",
            "http.patch: the body must be a string, a table or nil, got function",
        ),
        (
            "http.get(u, { body = 1 })",
            "http.get: the body must be a string, a table or nil, got number",
        ),
        ("http.client(1)", "http.client: options must be a table, got number"),
        ("http.client().get(u)", "http.client: call it as client:get(…)"),
    ]);
}

#[test]
fn options_out_of_range_name_the_option_and_the_value() {
    for (value, shown) in [("-1", "-1"), ("0", "0"), ("0/0", "nan"), ("'5'", "5"), ("{}", "table")]
    {
        for option in ["timeout", "connect_timeout"] {
            for call in [
                format!("get(u, {{ {option} = {value} }})"),
                format!("client({{ {option} = {value} }})"),
            ] {
                let said = refusal(&format!("http.{call}"));
                let text = format!("opts.{option} must be a number of seconds > 0, got ");
                assert!(
                    said.contains("main.lua:3: http.") && said.contains(&text),
                    "{call}: {said}"
                );
                assert!(said.contains(shown), "{call}: {said}");
            }
        }
    }
    refusals(&[
        (
            "http.get(u, { max_size = -1 })",
            "http.get: opts.max_size must be a whole number of bytes >= 0, got -1",
        ),
        (
            "http.get(u, { max_size = 1.5 })",
            "http.get: opts.max_size must be a whole number of bytes >= 0, got 1.5",
        ),
        (
            "http.get(u, { max_size = 1/0 })",
            "http.get: opts.max_size must be a whole number of bytes >= 0, got inf",
        ),
        ("http.get(u, { headers = 1 })", "http.get: opts.headers must be a table, got number"),
        ("http.get(u, { query = 'a=b' })", "http.get: opts.query must be a table, got string"),
        (
            "http.client({ base_url = 1 })",
            "http.client: opts.base_url must be a string, got number",
        ),
        ("http.client({ ca_cert = 1 })", "http.client: opts.ca_cert must be a string, got number"),
        (
            "http.client({ headers = { 'x' } })",
            "http.client: header names must be strings, got number",
        ),
        ("http.client({ ca_cert = 'no PEM' })", "http.client: "),
        (
            "http.client({ ca_cert_file = 1 })",
            "http.client: opts.ca_cert_file must be a string, got number",
        ),
    ]);
}

#[test]
fn huge_options_are_as_good_as_endless() {
    let upstream = Upstream::text("x");
    let script = "for _, value in ipairs { 1e9, 1e300, math.huge } do
          print(http.get(..., { timeout = value, connect_timeout = value }).body)
        end
        print(http.get(..., { max_size = math.maxinteger }).body)";
    let said = Run::script(&[&upstream.grant()], script).args([upstream.url("/")]).finish().ok();
    assert_eq!(said, "x\nx\nx\nx\n");
}

#[test]
fn headers_of_the_host_are_refused_by_name_in_any_case() {
    for name in [
        "Host",
        "content-length",
        "Transfer-Encoding",
        "Connection",
        "UPGRADE",
        "Proxy-Authorization",
        "Proxy-Connection",
        "TE",
        "Trailer",
    ] {
        let text = format!("http.get: header \"{name}\" belongs to the host");
        refusals(&[(&format!("http.get(u, {{ headers = {{ ['{name}'] = 's3cret' }} }})"), &text)]);
        let said =
            refusal(&format!("http.client({{ headers = {{ ['{name}'] = 's3cret' }} }}):get(u)"));
        assert!(said.contains(&text) && !said.contains("s3cret"), "{said}");
    }
}

#[test]
fn headers_that_cannot_be_sent_are_refused_without_their_values() {
    for header in [
        "['X-A'] = 's3cret\\r\\nX-B: 1'",
        "['X-A'] = 's3cret\\n'",
        "['X-A'] = 's3cret\\0'",
        "['X-A'] = { 'fine', 's3cret\\r' }",
        "['X-A\\r\\nX-B'] = 's3cret'",
        "['X-A\\0'] = 's3cret'",
        "['X A'] = 's3cret'",
        "['X-A:'] = 's3cret'",
        "[''] = 's3cret'",
        "['X-É'] = 's3cret'",
        "[1] = 's3cret'",
        "['X-A'] = true",
        "['X-A'] = { {} }",
        "['X-A'] = print",
    ] {
        let said = refusal(&format!("http.get(u, {{ headers = {{ {header} }} }})"));
        assert!(said.contains("main.lua:3: http.get: "), "{header}: {said}");
        assert!(said.contains("header") && !said.contains("s3cret"), "{header}: {said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{header}: {said}");
    }
}

#[test]
fn addresses_that_are_no_http_urls_are_refused() {
    for address in [
        "",
        " ",
        "no url",
        "/path",
        "//127.0.0.1/",
        "127.0.0.1:80",
        "http://",
        "http://[::1",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "data:,x",
        "ws://127.0.0.1/",
        "javascript:1",
        "http://a b/",
        "http://127.0.0.1:99999/",
        "http://user:s3cret@127.0.0.1/",
        "http://user@127.0.0.1/",
        "http://a\\0b/",
        "http://\\xff/",
    ] {
        let said = refusal(&format!("http.get('{address}')"));
        assert!(said.contains("main.lua:3: http.get: the URL cannot be used"), "{address}: {said}");
        assert!(!said.contains("s3cret"), "{address}: {said}");
    }
    let said = refusal("http.get(u .. ('x'):rep(1e6))");
    assert!(said.contains("the URL cannot be used: it is longer than"), "{said}");
}

#[test]
fn methods_that_are_no_tokens_are_refused() {
    for method in ["", "G T", "GET\\r\\nX: 1", "GET\\0", "GÉT", "CONNECT"] {
        let said = refusal(&format!("http.request('{method}', u)"));
        assert!(said.contains("main.lua:3: http.request: invalid method"), "{method}: {said}");
    }
}

#[test]
fn bodies_and_queries_that_cannot_be_encoded_are_the_callers_mistake() {
    refusals(&[
        ("http.post(u, { f = print })", "http.post: "),
        ("http.post(u, { x = 0/0 })", "http.post: "),
        ("http.get(u, { body = { f = print } })", "http.get: "),
        ("http.client():put(u, { [1.5] = 1 })", "http.put: "),
        ("http.get(u, { query = { f = print } })", "http.get: "),
        ("http.get(u, { query = { 1 } })", "http.get: "),
    ]);
}

#[test]
fn an_uncaught_argument_error_ends_the_script_at_its_own_line() {
    let said = Run::script(&[], "-- one\n-- two\nhttp.get(42)\n").finish().fails_with(1);
    let first = said.lines().next().unwrap_or_default();
    assert!(
        first.starts_with("error: ") && first.contains("main.lua:3: http.get: argument #1"),
        "{said}"
    );
    assert!(said.contains("stack traceback:"), "{said}");
}

#[test]
fn an_unknown_option_is_warned_about_once_by_name() {
    let upstream = Upstream::text("x");
    let script =
        "for _ = 1, 3 do http.get(..., { retries = 3 }) http.post(..., 'x', { colour = 1 }) end
        http.client { pool = 1 }
        http.client { pool = 1 }";
    let ended = Run::script(&[&upstream.grant()], script).args([upstream.url("/")]).finish();
    let warnings: Vec<_> =
        ended.stderr.lines().filter(|line| line.contains("unknown option")).collect();
    for (function, option) in
        [("http.get", "retries"), ("http.post", "colour"), ("http.client", "pool")]
    {
        let text = format!("WARN  {function}: unknown option {option} ");
        assert_eq!(warnings.iter().filter(|line| line.contains(&text)).count(), 1, "{warnings:?}");
    }
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    ended.ok();
}

#[test]
fn known_options_are_not_warned_about() {
    let upstream = Upstream::text("x");
    let script = "local client = http.client { timeout = 9, follow_redirects = true, headers = {}, base_url = ...,
          connect_timeout = 9, max_size = 100 }
        client:get('/', { headers = {}, timeout = 9, connect_timeout = 9, follow_redirects = true, max_size = 9,
          query = {}, body = '' })";
    let ended = Run::script(&[&upstream.grant()], script).args([upstream.url("/")]).finish();
    assert_eq!((ended.stderr.as_str(), upstream.seen().len()), ("", 1));
}
