//! `http.serve`: which handler a request reaches.

use tests::client::{Raw, Response};
use tests::run::{Run, Serving};

const ROUTES: &str = "
local function named(name) return function(req)
  local params = {}
  for key, value in pairs(req.path_params) do params[#params + 1] = key .. '=' .. value end
  table.sort(params)
  return name .. (#params > 0 and ' ' .. table.concat(params, ' ') or '')
end end
local routes = {
  GET = {
    ['/'] = named('root'),
    ['/users'] = named('users'),
    ['/users/'] = named('users slash'),
    ['/users/me'] = named('me'),
    ['/users/:id'] = named('user'),
    ['/users/:id/posts'] = named('posts'),
    ['/users/:id/posts/:post'] = named('post'),
    ['/users/:id/posts/new'] = named('new post'),
    ['/:kind/:id/edit'] = named('edit'),
    ['/users/*'] = named('users rest'),
    ['/static/*'] = named('static'),
    ['/static/css/*'] = named('css'),
    ['/static/css/main.css'] = named('main.css'),
    ['/a%20b'] = named('raw'),
    ['/a:b'] = named('colon'),
  },
  Post = { ['/users'] = named('create') },
  put = { ['/users/:name'] = named('replace') },
  ANY = { ['/any'] = named('any'), ['/users/me'] = named('any me') },
}
";

fn serve(before: &str, routes: &str) -> Serving {
    Serving::routes(&[], before, routes)
}

fn ask(client: &mut Raw, line: &str) -> Response {
    client.send(format!("{line} HTTP/1.1\r\nHost: h\r\n\r\n"));
    if line.starts_with("HEAD ") { client.head_response() } else { client.response() }
}

#[test]
fn the_most_exact_route_is_taken() {
    let serving = serve(ROUTES, "routes");
    let mut client = Raw::connect(serving.port);
    for (line, expected) in [
        ("GET /", "root"),
        ("GET /users", "users"),
        ("GET /users?x=/users/me", "users"),
        ("GET /users/", "users slash"),
        ("GET /users/me", "me"),
        ("GET /users/7", "user id=7"),
        ("GET /users/7%2F8", "user id=7/8"),
        ("GET /users/:id", "user id=:id"),
        ("GET /users/7/posts", "posts id=7"),
        ("GET /users/7/posts/9", "post id=7 post=9"),
        ("GET /users/7/posts/new", "new post id=7"),
        ("GET /users/7/edit", "edit id=7 kind=users"),
        ("GET /users/7/posts/", "users rest"),
        ("GET /users//posts", "users rest"),
        ("GET /users/7/a/b/c", "users rest"),
        ("GET /static/", "static"),
        ("GET /static/x/y", "static"),
        ("GET /static/css", "static"),
        ("GET /static/css/", "css"),
        ("GET /static/css/a/b", "css"),
        ("GET /static/css/main.css", "main.css"),
        ("GET /a%20b", "raw"),
        ("GET /a:b", "colon"),
        ("POST /users", "create"),
        ("PUT /users/a%20b", "replace name=a b"),
        ("GET /any", "any"),
        ("DELETE /any", "any"),
        ("PURGE /any", "any"),
        ("OPTIONS /any", "any"),
        ("DELETE /users/me", "any me"),
    ] {
        let response = ask(&mut client, line);
        assert_eq!((response.status, response.text().as_str()), (200, expected), "{line}");
    }
}

#[test]
fn what_no_route_knows_is_404() {
    let serving = serve(ROUTES, "routes");
    let mut client = Raw::connect(serving.port);
    for line in [
        "GET /nothing",
        "GET /static",
        "GET /Users",
        "GET //users",
        "GET /./users",
        "GET /any/",
        "GET /%75sers",
        "GET /:kind",
        "POST /nothing",
        "OPTIONS /nothing",
        "PURGE /nothing",
    ] {
        let response = ask(&mut client, line);
        assert_eq!((response.status, response.text().as_str()), (404, "not found"), "{line}");
        assert_eq!(response.headers("content-type"), ["text/plain"], "{line}");
        assert_eq!(response.header("allow"), None, "{line}");
    }
}

#[test]
fn a_known_path_with_another_method_is_405_and_names_those_it_has() {
    let serving = serve(ROUTES, "routes");
    let mut client = Raw::connect(serving.port);
    for (line, status, allow) in [
        ("POST /", 405, "GET, HEAD, OPTIONS"),
        ("get /", 405, "GET, HEAD, OPTIONS"),
        ("DELETE /users", 405, "GET, HEAD, OPTIONS, POST"),
        ("PATCH /users/7", 405, "GET, HEAD, OPTIONS, PUT"),
        ("POST /static/x", 405, "GET, HEAD, OPTIONS"),
        ("OPTIONS /", 204, "GET, HEAD, OPTIONS"),
        ("OPTIONS /users", 204, "GET, HEAD, OPTIONS, POST"),
        ("OPTIONS /users/7", 204, "GET, HEAD, OPTIONS, PUT"),
    ] {
        let response = ask(&mut client, line);
        assert_eq!((response.status, response.headers("allow")), (status, vec![allow]), "{line}");
    }
    assert_eq!(ask(&mut client, "OPTIONS *").status, 204);
}

#[test]
fn head_is_answered_from_get_without_a_body() {
    let serving = serve(
        "",
        "{
            GET = {
                ['/'] = function(req) return { headers = { ['X-Method'] = req.method }, body = 'text' } end,
                ['/own'] = function() return 'not this one' end,
                ['/fails'] = function() error('x') end,
            },
            HEAD = { ['/own'] = function() return { headers = { ['X-Own'] = 'yes' } } end },
            POST = { ['/post'] = function() return 'x' end },
        }",
    );
    let mut client = Raw::connect(serving.port);
    let response = ask(&mut client, "HEAD /");
    assert_eq!((response.status, response.header("content-length")), (200, Some("4")));
    assert_eq!(response.header("x-method"), Some("HEAD"));
    assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(ask(&mut client, "HEAD /own").header("x-own"), Some("yes"));
    assert_eq!(ask(&mut client, "HEAD /fails").status, 500);
    assert_eq!(ask(&mut client, "HEAD /nothing").status, 404);
    assert_eq!(ask(&mut client, "HEAD /post").status, 405);
    assert_eq!(ask(&mut client, "GET /").text(), "text", "nothing of the bodies was left over");
}

#[test]
fn a_route_for_everything_takes_what_is_left() {
    let serving = serve(
        "",
        "{ GET = { ['/*'] = function(req) return 'rest ' .. req.path end, ['/one'] = function() return 'one' end } }",
    );
    let mut client = Raw::connect(serving.port);
    for (path, expected) in
        [("/", "rest /"), ("/one", "one"), ("/one/", "rest /one/"), ("/a/b", "rest /a/b")]
    {
        assert_eq!(client.get(path).text(), expected, "{path}");
    }
    assert_eq!(ask(&mut client, "POST /anything").status, 405);
}

#[test]
fn methods_written_in_different_cases_are_one() {
    let serving = serve(
        "",
        "{ get = { ['/a'] = function() return 'a' end }, GET = { ['/b'] = function() return 'b' end } }",
    );
    let mut client = Raw::connect(serving.port);
    assert_eq!(client.get("/a").text(), "a");
    assert_eq!(client.get("/b").text(), "b");
}

#[test]
fn routes_are_read_once() {
    let serving = serve(
        "local routes = { GET = { ['/'] = function() return 'first' end } }
         routes.GET['/change'] = function()
           routes.GET['/'] = function() return 'second' end
           routes.GET = nil
           return 'changed'
         end",
        "routes",
    );
    let mut client = Raw::connect(serving.port);
    assert_eq!(client.get("/change").text(), "changed");
    assert_eq!(client.get("/").text(), "first");
}

#[test]
fn arguments_that_make_no_server_are_refused_with_the_reason() {
    for (arguments, reason) in [
        ("", "port must be an integer from 0 to 65535, got nil"),
        ("'80', {}", "port must be an integer from 0 to 65535, got 80"),
        ("1.5, {}", "port must be an integer from 0 to 65535, got 1.5"),
        ("-1, {}", "port must be an integer from 0 to 65535, got -1"),
        ("65536, {}", "port must be an integer from 0 to 65535, got 65536"),
        ("0/0, {}", "port must be an integer from 0 to 65535"),
        ("0", "must be a table of routes, got nil"),
        ("0, 'GET /'", "must be a table of routes, got string"),
        ("0, { GET = print }", "routes must be"),
        ("0, { [1] = {} }", "routes must be"),
        ("0, { GET = { ['/'] = 'x' } }", "the handler of GET / must be a function, got string"),
        ("0, { GET = { [''] = print } }", "must be a string that begins with '/'"),
        ("0, { GET = { ['a'] = print } }", "must be a string that begins with '/'"),
        ("0, { GET = { [1] = print } }", "must be a string that begins with '/'"),
        ("0, {}, 5", "options must be a table, got number"),
        ("0, {}, { on_listen = 5 }", "opts.on_listen must be a function, got number"),
    ] {
        let code = format!("http.serve({arguments})");
        let stderr = Run::eval(&["--allow-listen=0"], &code).finish().fails_with(1);
        assert!(stderr.contains("http.serve") && stderr.contains(reason), "{code}\n{stderr}");
        assert!(stderr.contains(":1:"), "the error names the script's line: {stderr}");
    }
}
