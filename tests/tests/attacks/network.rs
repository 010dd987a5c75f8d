//! Attacks on the network door: rows 25 to 28.
//!
//! Each runs in an internet of its own, in which every address is this machine: whatever an attack
//! reaches, `everyone` sees it arrive.

use std::io::Write;

use tests::arena::{self, Arena};
use tests::client::Raw;
use tests::dns::{Answer, Dns};
use tests::folder::Folder;
use tests::internet;
use tests::run::Run;
use tests::upstream::{Seen, Upstream};

/// The ways of `ways.lua`.
const WAYS: [&str; 8] =
    ["get", "post", "client", "on-event", "on-response", "events", "websocket", "download"];

/// Those of them that follow redirects.
const FOLLOWING: [&str; 7] =
    ["get", "post", "client", "on-event", "on-response", "events", "download"];

/// An address that is public; here it is as local as all others.
const PUBLIC: &str = "93.184.216.34";

/// Addresses that a public grant must not open, as the host of a URL.
const NOT_PUBLIC: [&str; 71] = [
    "127.0.0.1",
    "127.0.0.1.",
    "127.255.255.254",
    "2130706433",
    "2130706433.",
    "0x7f000001",
    "0X7F000001",
    "0x7f.0x0.0x0.0x1",
    "0x7f.1",
    "017700000001",
    "0177.0.0.1",
    "0177.0x0.0.01",
    "0000000000000000177.0.0.1",
    "127.1",
    "127.0.1",
    "127.0x0.1",
    "127.65536",
    "%31%32%37.0.0.1",
    "127%2e0%2e0%2e1",
    "%6cocalhost",
    "１２７.0.0.1",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "127．0．0．1",
    "127｡0｡0｡1",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "LocalHost%2E",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000::0001]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:FFFF:7F00:0001]",
    "[::127.0.0.1]",
    "[::7f00:1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[2002:a00:5::]",
    "[2001:0:808:808:0:0:80ff:fffe]",
    "[2001:0:7f00:1:0:0:f7f7:f7f7]",
    "0",
    "0.0.0.0",
    "0x0",
    "00000000000",
    "0.0.0.1",
    "[::]",
    "[::ffff:0.0.0.0]",
    "10.0.0.5",
    "0x0a000005",
    "172.16.0.1",
    "192.168.0.1",
    "192.168.257",
    "100.64.0.1",
    "169.254.169.254",
    "2852039166",
    "0xa9.0xfe.0xa9.0xfe",
    "[fd00:ec2::254]",
    "[fc00::1]",
    "[fe80::1]",
    "[ff02::1]",
    "224.0.0.1",
    "255.255.255.255",
    "168.63.129.16",
];

/// URLs that name a host in a way that must not be understood at all.
const MALFORMED: [&str; 24] = [
    "http://good.test@127.0.0.1/",
    "http://good.test:80@127.0.0.1/",
    "http://good.test%40127.0.0.1@127.0.0.1/",
    "http://:@127.0.0.1:80@127.0.0.1/",
    "http://user:s3cret@good.test/",
    "http://[fe80::1%25lo]/",
    "http://[fe80::1%lo]/",
    "http://[::1%25lo]/",
    "http://[127.0.0.1]/",
    "http://[::1/",
    "http://[::1]good.test/",
    "http://256.256.256.256/",
    "http://127.0.0.0.1/",
    "http://4294967296/",
    "http://0x100000000/",
    "http://127.0.0.08/",
    "http://127.0.0.1 good.test/",
    "http://good.test%00.127.0.0.1/",
    "http://good.test%2f@127.0.0.1/",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:-80/",
    "http://127.0.0.1:80:80/",
    "http:///",
    "http://%zz/",
];

/// URLs that another parser could read as one of 127.0.0.1; here they are of `good.test`.
const CONFUSING: [&str; 5] = [
    "http://good.test\\@127.0.0.1/",
    "http://good.test#@127.0.0.1/",
    "http://good.test?@127.0.0.1/",
    "http://good.test/@127.0.0.1/",
    "\t ht\ntp://go\rod.te\tst/\n",
];

/// And the other way round, `good.test` being what another parser could see.
const DISGUISED: [&str; 11] = [
    "http://127.0.0.1\\@good.test/",
    "http://127.0.0.1#@good.test/",
    "http://127.0.0.1?@good.test/",
    "http:127.0.0.1/",
    "http:/127.0.0.1/",
    "http:\\\\127.0.0.1\\",
    "http:////127.0.0.1/",
    "\u{1} http://127.0.0.1/ ",
    "http:/\t/127.0.\n0.1/",
    "HTTP://127.0.0.1:080/",
    "http://127.0.0.1:65535/",
];

/// A server at port 80 of every address, which closes each connection after its answer.
///
/// `/r/STATUS/HEX` redirects to what the hexadecimal word says, `/loop` to itself.
fn everyone() -> Upstream {
    Upstream::at("[::]:80", |request, stream| {
        let target = request.line.split(' ').nth(1).unwrap_or_default();
        let mut parts = target.split('/').skip(1);
        let (status, location) = match (parts.next(), parts.next(), parts.next()) {
            (Some("r"), Some(status), Some(word)) => (status, unhex(word)),
            (Some("loop"), ..) => ("302", b"/loop".to_vec()),
            _ => ("200", Vec::new()),
        };
        let head = format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: 5\r\n");
        let location = match location.is_empty() {
            true => Vec::new(),
            false => [b"Location: ", location.as_slice(), b"\r\n"].concat(),
        };
        let _ = stream.write_all(&[head.as_bytes(), &location, b"\r\nhello"].concat());
        false
    })
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(word: &str) -> Vec<u8> {
    let digits: Vec<u32> = word.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte * 16 + *digit as u8))
        .collect()
}

/// The URL at the public address that redirects there.
fn redirect(status: u16, location: &str) -> String {
    format!("http://{PUBLIC}/r/{status}/{}", hex(location))
}

/// A server under attack on one worker, whose scripts may look up names already: the threads for that
/// are part of what it holds.
struct Attacked {
    arena: Arena,
    _folder: Folder,
}

impl Attacked {
    fn new(flags: &[&str]) -> Self {
        let folder = Folder::new();
        let write = format!("--allow-write={}", folder.path().display());
        let run = Run::new(["run", "--allow-listen=0", &write]).args(flags);
        let script = arena::scripts().join("arena.lua");
        let serving = run.args([script.as_path(), folder.path()]).serve();
        let mut warm_up: Vec<_> = (0..4).map(|_| Raw::connect(serving.port)).collect();
        let target = path(&["http://warm-up.good.test/"]);
        warm_up
            .iter_mut()
            .for_each(|raw| raw.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n")));
        warm_up.iter_mut().for_each(|raw| drop(raw.response()));
        Self { arena: Arena::watching(serving), _folder: folder }
    }

    /// Tries every way to each URL, while others are served: way, what came of it, message.
    fn reach(&self, urls: &[&str]) -> Vec<(String, String, String)> {
        let text =
            self.arena.during(|| Raw::connect(self.arena.serving.port).get(&path(urls)).text());
        let tried: Vec<_> = text
            .lines()
            .map(|line| {
                let mut words = line.splitn(3, '\t').map(str::to_owned);
                let mut word = || words.next().unwrap_or_default();
                (word(), word(), word())
            })
            .collect();
        assert_eq!(tried.len(), urls.len() * WAYS.len(), "{text}");
        tried
    }

    /// Asserts that each way to each of these URLs comes to this.
    #[track_caller]
    fn each(&self, urls: &[&str], expected: &str) {
        for url in urls {
            for (way, outcome, message) in self.reach(&[url]) {
                assert_eq!(outcome, expected, "{way} {url:?}: {message}");
            }
        }
    }

    fn finish(self) {
        self.arena.finish(0);
    }
}

fn path(urls: &[&str]) -> String {
    let words: Vec<String> = urls.iter().map(|url| hex(url)).collect();
    format!("/attack/reach?{}", words.join("+"))
}

/// Names below `good.test` have a public address; no other name is known.
fn good_names() -> Dns {
    Dns::start(|question, _| match question.name.ends_with("good.test") {
        true => Answer::of(&[PUBLIC]),
        false => Answer::NoSuchName,
    })
}

/// Asserts that nothing but the public address was reached, and that it was.
#[track_caller]
fn assert_only_public(everyone: &Upstream) {
    let reached = everyone.reached();
    assert!(!reached.is_empty() && reached.iter().all(|address| address == PUBLIC), "{reached:?}");
}

/// Answer: `denied`, whatever the form and whatever way a script takes, and no look-up. Fails with
/// `--allow-net=0.0.0.0/0:*,[::]/0:*` (second half), and without `canonical` of `grants/net/address.rs`.
#[test]
fn attack_25_every_literal_form() {
    internet::inside("network::attack_25_every_literal_form", || {
        let (everyone, dns) = (everyone(), good_names());
        let urls = NOT_PUBLIC.map(|host| format!("http://{host}/"));
        let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
        let attacked = Attacked::new(&["--allow-net=public:*,good.test:*,*.good.test:*"]);
        let (arrived, asked) = (everyone.reached().len(), dns.asked().len());
        attacked.each(&urls, "denied");
        attacked.each(&DISGUISED, "denied");
        assert_eq!((everyone.reached().len(), dns.asked().len()), (arrived, asked));
        attacked.finish();
        // The same attack does arrive once it is granted.
        let granted = Attacked::new(&["--allow-net=0.0.0.0/0:*,[::]/0:*,*.good.test:*"]);
        for (way, outcome, _) in granted.reach(&["http://0x7f.1/", "http://[64:ff9b::a9fe:a9fe]/"])
        {
            // What answers there is no WebSocket and no event stream.
            let expected = if ["events", "websocket"].contains(&way.as_str()) {
                "protocol"
            } else {
                "reached"
            };
            assert_eq!(outcome, expected, "{way}");
        }
        let reached = everyone.reached();
        for address in ["127.0.0.1", "64:ff9b::a9fe:a9fe"] {
            assert!(reached.iter().any(|seen| seen == address), "{address}: {reached:?}");
        }
    });
}

/// Answer: a URL that could be read in two ways is an argument error, or is read as the WHATWG standard
/// does and decided as that. Fails when the check of userinfo in `Network::check_url` is left out.
#[test]
fn attack_25_urls_that_parsers_disagree_about() {
    internet::inside("network::attack_25_urls_that_parsers_disagree_about", || {
        let (everyone, _dns) = (everyone(), good_names());
        let attacked = Attacked::new(&["--allow-net=public:*,good.test:*,*.good.test:*"]);
        attacked.each(&MALFORMED, "error");
        let arrived = everyone.reached().len();
        attacked.reach(&CONFUSING);
        assert!(everyone.reached().len() >= arrived + CONFUSING.len(), "good.test is granted");
        assert_only_public(&everyone);
        for seen in everyone.seen() {
            assert!(seen.headers("host").concat().ends_with("good.test"), "{seen:?}");
        }
        attacked.finish();
    });
}

/// Answer: `denied` for the hop, which is not made. Fails without `canonical` of
/// `grants/net/address.rs`, and with
/// the grant of the second half.
#[test]
fn attack_25_every_literal_form_behind_a_redirect() {
    internet::inside("network::attack_25_every_literal_form_behind_a_redirect", || {
        let (everyone, _dns) = (everyone(), good_names());
        let attacked = Attacked::new(&["--allow-net=public:*,*.good.test:*"]);
        for host in NOT_PUBLIC {
            let url = redirect(302, &format!("http://{host}/"));
            for (way, outcome, message) in attacked.reach(&[&url]) {
                let expected =
                    if FOLLOWING.contains(&way.as_str()) { "denied" } else { "protocol" };
                assert_eq!(outcome, expected, "{way} {host}: {message}");
            }
        }
        for location in MALFORMED {
            for (way, outcome, message) in attacked.reach(&[&redirect(307, location)]) {
                assert_eq!(outcome, "protocol", "{way} {location}: {message}");
                assert!(!message.contains("s3cret"), "{message}");
            }
        }
        assert_only_public(&everyone);
        attacked.finish();
        let granted = Attacked::new(&["--allow-net=0.0.0.0/0:*,*.good.test:*"]);
        granted.reach(&[&redirect(302, "http://2130706433/")]);
        assert!(everyone.reached().iter().any(|address| address == "127.0.0.1"));
    });
}

/// Answer: the checked address is the one that is dialled, after exactly one look-up; the next look-up is
/// checked anew and `denied`. Fails when `System::look_up` looks the name up once more, and
/// when `Network::addresses` keeps what is `Missing`.
#[test]
fn attack_26_rebinding() {
    internet::inside("network::attack_26_rebinding", || {
        let everyone = everyone();
        let dns = Dns::start(|question, before| match (question.name.as_str(), before) {
            ("warm-up.good.test", _) | (_, 0) => Answer::of(&[PUBLIC]),
            _ => Answer::of(&["127.0.0.1", "169.254.169.254", "10.0.0.5"]),
        });
        let attacked = Attacked::new(&["--allow-net=public:*"]);
        let arrived = everyone.reached().len();
        attacked.reach(&["http://WAY.rebind.test/"]);
        assert_only_public(&everyone);
        assert_eq!(everyone.reached().len(), arrived + WAYS.len(), "each way arrived once");
        for way in WAYS {
            for kind in ["A", "AAAA"] {
                let question = format!("{way}.rebind.test {kind}");
                assert_eq!(dns.count(&question), 1, "one look-up: {question}");
            }
        }
        attacked.each(&["http://WAY.rebind.test/"], "denied");
        assert_eq!(everyone.reached().len(), arrived + WAYS.len());
        for way in WAYS {
            assert_eq!(
                dns.count(&format!("{way}.rebind.test A")),
                2,
                "and one for the second attempt"
            );
        }
        attacked.finish();
    });
}

/// Answer: only the public addresses are dialled, also when none of them answers. Fails when
/// `Network::addresses` keeps what is `Missing`.
#[test]
fn attack_26_mixed_answers() {
    internet::inside("network::attack_26_mixed_answers", || {
        let everyone = everyone();
        // Only the private ones answer at this port.
        let private = Upstream::at("127.0.0.1:81", |_, _| false);
        let _dns = Dns::start(|_, before| {
            let mut answers = [
                "127.0.0.1",
                PUBLIC,
                "169.254.169.254",
                "10.0.0.5",
                "0.0.0.0",
                "::1",
                "fd00:ec2::254",
                "::ffff:10.0.0.5",
                "64:ff9b::a00:5",
                "2002:7f00:1::",
                "::ffff:127.0.0.1",
            ];
            answers.rotate_left(before % 11);
            Answer::of(&answers)
        });
        let attacked = Attacked::new(&["--allow-net=public:*"]);
        for _ in 0..11 {
            attacked.reach(&["http://mixed.test/"]);
        }
        assert!(everyone.reached().len() >= 11 * WAYS.len());
        assert_only_public(&everyone);
        attacked.each(&["http://mixed.test:81/"], "connect");
        assert!(private.reached().is_empty());
        attacked.finish();
    });
}

/// Answer: `denied`; the name of an alias decides nothing, the address at its end does. Fails when
/// `NetGrants::address` takes every address of a granted name.
#[test]
fn attack_26_names_of_private_addresses() {
    internet::inside("network::attack_26_names_of_private_addresses", || {
        let everyone = everyone();
        let _dns = Dns::start(|question, _| match question.name.as_str() {
            "alias.test" => Answer::of(&["one.test", "two.test", "granted.test", "10.0.0.5"]),
            "to-localhost.test" => Answer::of(&["localhost", "127.0.0.1", "::1"]),
            "mapped.test" => Answer::of(&["::ffff:127.0.0.1"]),
            "compatible.test" => Answer::of(&["::127.0.0.1"]),
            "translated.test" => Answer::of(&["64:ff9b::a9fe:a9fe"]),
            "6to4.test" => Answer::of(&["2002:a9fe:a9fe::"]),
            "teredo.test" => Answer::of(&["2001:0:808:808:0:0:80ff:fffe"]),
            "metadata.test" => Answer::of(&["169.254.169.254", "fd00:ec2::254"]),
            _ => Answer::of(&[PUBLIC]),
        });
        let attacked = Attacked::new(&["--allow-net=public:*,granted.test:*,alias.test:*"]);
        let arrived = everyone.reached().len();
        attacked.each(
            &[
                "http://alias.test/",
                "http://to-localhost.test/",
                "http://mapped.test/",
                "http://compatible.test/",
                "http://translated.test/",
                "http://6to4.test/",
                "http://teredo.test/",
                "http://metadata.test/",
            ],
            "denied",
        );
        assert_eq!(everyone.reached().len(), arrived);
        attacked.finish();
    });
}

/// Answer: `dns`, or `denied` if there are private addresses, and whoever waits for an answer waits alone.
/// Fails when `Network::addresses` keeps what is `Missing`.
#[test]
fn attack_26_answers_that_are_none() {
    internet::inside("network::attack_26_answers_that_are_none", || {
        let everyone = everyone();
        let _dns = Dns::start(|question, _| match question.name.as_str() {
            "endless.test" => Answer::of(&["other.test", "endless.test", "other.test"]),
            "aliases.test" => Answer::of(&["endless.test"; 100]),
            "truncated.test" => Answer::Truncated,
            "empty.test" => Answer::Bytes(Vec::new()),
            "garbage.test" => Answer::Bytes(vec![0xff; 400]),
            "pointers.test" => {
                // A name that points to itself, in an answer that claims 65,535 records.
                let head = [0x81, 0x80, 0, 1, 0xff, 0xff, 0, 0, 0, 0];
                Answer::Bytes([&head[..], &[0xc0, 0x0c].repeat(200)].concat())
            }
            "silent.test" | "get.silent.test" => Answer::Silence,
            "many.test" => Answer::of(&["10.0.0.5"; 100]),
            "huge.test" => Answer::of(&["10.0.0.5"; 4000]),
            "warm-up.good.test" => Answer::of(&[PUBLIC]),
            _ => Answer::NoSuchName,
        });
        let attacked = Attacked::new(&["--allow-net=public:*"]);
        let arrived = everyone.reached().len();
        let label = "a".repeat(63);
        let long = format!("http://{}/", [label.as_str(); 5].join("."));
        let wide = format!("http://{label}a.test/");
        let urls =
            ["http://endless.test/", "http://aliases.test/", "http://unknown.test/", &long, &wide];
        attacked.each(&urls, "dns");
        attacked.each(&["http://many.test/"], "denied");
        let served = attacked.arena.served();
        attacked.each(&["http://WAY.silent.test/"], "dns");
        assert!(attacked.arena.served() >= served + 3, "the bystander is served meanwhile");
        assert_eq!(everyone.reached().len(), arrived);
        attacked.finish();
        // These keep the resolver busy for seconds, so they are tried beside each other.
        let script =
            "local names = { 'truncated', 'empty', 'garbage', 'pointers', 'silent', 'huge' }
            local tasks = {}
            for i, name in ipairs(names) do
              tasks[i] = async.spawn(function() return http.get('http://' .. name .. '.test/') end)
            end
            local _, e = pcall(http.get, 'http://silent.test/', { timeout = 0.05 }) print(e.kind)
            for i in ipairs(names) do _, e = pcall(tasks[i].await, tasks[i]) print(e.kind) end";
        let said = Run::script(&["--allow-net=public"], script).finish().ok();
        assert_eq!(said, format!("timeout\n{}", "dns\n".repeat(6)));
        assert_eq!(everyone.reached().len(), arrived);
    });
}

/// Answer: `denied` for what is not granted, `protocol` for what is no HTTP, a loop, or too many. Fails when
/// `redirect::target` takes a location of another scheme for a final answer.
#[test]
fn attack_27_redirects_to_elsewhere() {
    internet::inside("network::attack_27_redirects_to_elsewhere", || {
        let (everyone, dns) = (everyone(), good_names());
        let attacked = Attacked::new(&["--allow-net=93.184.216.34,*.good.test"]);
        let elsewhere = [
            "file:///etc/passwd",
            "javascript:alert(1)",
            "data:text/plain,hello",
            "ftp://93.184.216.34/",
            "ws://93.184.216.34/",
            "gopher://93.184.216.34:80/_GET",
            "about:blank",
            "unix:/run/docker.sock",
            "blob:http://93.184.216.34/x",
            "http://",
            "/loop",
        ];
        for location in elsewhere {
            for status in [301, 302, 303, 307, 308] {
                attacked.each(&[&redirect(status, location)], "protocol");
            }
        }
        // In steps, the last of which is the one that leads astray.
        let deep = (0..5).fold("http://10.0.0.5/".to_owned(), |to, _| redirect(307, &to));
        for (way, outcome, message) in attacked.reach(&[&deep]) {
            let expected = if way == "websocket" { "protocol" } else { "denied" };
            assert_eq!(outcome, expected, "{way}: {message}");
        }
        assert_only_public(&everyone);
        // A name that is not granted is not even looked up for a redirect.
        let asked = dns.asked().len();
        attacked.reach(&[&redirect(302, "http://elsewhere.test/")]);
        assert_eq!(dns.asked().len(), asked, "{:?}", dns.asked());
        attacked.finish();
    });
}

/// Answer: another origin gets nothing that the script set. Fails when `redirect::rewrite` keeps the fields.
#[test]
fn attack_27_credentials_across_origins() {
    internet::inside("network::attack_27_credentials_across_origins", || {
        let everyone = everyone();
        let other_port = Upstream::at("[::]:81", |_, stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            false
        });
        let _dns = good_names();
        let attacked = Attacked::new(&["--allow-net=public:*"]);
        let leaks = |seen: &Seen| seen.head.iter().any(|line| line.contains("s3cret"));
        for status in [301, 302, 303, 307, 308] {
            let others = [
                format!("http://{PUBLIC}:81/"),
                "http://good.test:81/".to_owned(),
                "//8.8.8.8:81/".to_owned(),
            ];
            for other in &others {
                let before = other_port.seen().len();
                attacked.reach(&[&redirect(status, other)]);
                assert_eq!(other_port.seen().len(), before + FOLLOWING.len(), "{status} {other}");
            }
        }
        for seen in other_port.seen() {
            assert!(!leaks(&seen), "{seen:?}");
            let posts = seen.line.starts_with("POST");
            assert_eq!(seen.body, if posts { b"body".as_slice() } else { b"" }, "{seen:?}");
        }
        // A detour over another origin gives nothing back, and the same origin does get it.
        everyone.seen().iter().for_each(|seen| assert!(leaks(seen), "{seen:?}"));
        let before = everyone.seen().len();
        let back = format!("http://{PUBLIC}/back");
        let detour = redirect(302, &format!("http://good.test/r/302/{}", hex(&back)));
        attacked.reach(&[&detour]);
        let seen = everyone.seen().split_off(before);
        let arrived: Vec<_> = seen.iter().filter(|seen| seen.line.contains("/back")).collect();
        assert_eq!(arrived.len(), FOLLOWING.len());
        assert!(!arrived.into_iter().any(leaks), "{seen:?}");
        attacked.reach(&[&redirect(307, "/same")]);
        let same: Vec<_> =
            everyone.seen().into_iter().filter(|s| s.line.contains("/same")).collect();
        assert!(same.len() == FOLLOWING.len() && same.iter().all(leaks), "{same:?}");
        attacked.finish();
    });
}

/// Answer: `denied`, and the name server hears nothing. Fails when `Network::check_url` looks the
/// name up before it denies.
#[test]
fn attack_28_look_ups_without_a_grant() {
    internet::inside("network::attack_28_look_ups_without_a_grant", || {
        let (everyone, dns) = (everyone(), good_names());
        let flags = [
            "--allow-net=good.test,*.good.test:80,10.0.0.0/8:*,https://secure.good.test:*",
            "--deny-net=never.good.test",
        ];
        let attacked = Attacked::new(&flags);
        let asked = dns.asked().len();
        let names = [
            "http://exfiltrated-s3cret.evil.test/",
            "http://evil.test/",
            "http://good.test:8080/",
            "http://good.test:53/",
            "http://xgood.test/",
            "http://good.test.evil.test/",
            "http://good.test..evil.test/",
            "http://good.tes\u{200b}t.evil/",
            "http://a.good.test:81/",
            "http://never.good.test/",
            "http://NEVER.good.test./",
            "http://secure.good.test:8443/",
            "http://localhost/",
            "http://localhost.localdomain/",
            "http://metadata.google.internal/",
            "http://5.0.0.10.in-addr.arpa/",
            "http://10.0.0.5.nip.io/",
        ];
        attacked.each(&names, "denied");
        assert_eq!(dns.asked().len(), asked, "{:?}", dns.asked());
        let arrived = everyone.reached().len();
        // With the grant there is one look-up, which two questions make.
        attacked.reach(&["http://GOOD.test./", "http://WAY.good.test/"]);
        assert_eq!(everyone.reached().len(), arrived + 2 * WAYS.len());
        assert_eq!(dns.count("good.test A"), dns.count("good.test AAAA"));
        assert_eq!(dns.count("good.test A"), WAYS.len());
        for way in WAYS {
            assert_eq!(dns.count(&format!("{way}.good.test A")), 1, "{way}");
        }
        attacked.finish();
    });
}
