//! Environment variables: granted ones, and nothing of the others.

use tests::run::Run;

fn said(flags: &[&str], code: &str) -> String {
    Run::eval(flags, code)
        .env("TIDE_A", "one")
        .env("TIDE_B", "two words")
        .env("TIDE_EMPTY", "")
        .env("SECRET", "s3cret")
        .env("TIDE", "bare")
        .finish()
        .ok()
}

#[test]
fn a_granted_variable_has_its_value() {
    for flags in [
        &["--allow-env=TIDE_A,TIDE_B,TIDE_EMPTY"][..],
        &["--allow-env=TIDE_*"],
        &["--allow-env", "TIDE_A", "--allow-env=TIDE_B", "--allow-env=TIDE_E*"],
        &["-A"],
    ] {
        let code =
            "print(env.get('TIDE_A'), os.getenv('TIDE_B'), '[' .. env.get('TIDE_EMPTY') .. ']')";
        assert_eq!(said(flags, code), "one\ttwo words\t[]\n", "{flags:?}");
    }
}

#[test]
fn a_variable_that_is_not_granted_looks_unset() {
    let code = "print(env.get('SECRET'), os.getenv('SECRET'), env.get('NO_SUCH_VARIABLE'))";
    for flags in
        [&[][..], &["--allow-env=TIDE_*"], &["--allow-env=SECRE"], &["--allow-env=SECRETS,secret"]]
    {
        assert_eq!(said(flags, code), "nil\tnil\tnil\n", "{flags:?}");
    }
}

#[test]
fn a_pattern_grants_what_begins_so() {
    let code = "print(env.get('TIDE_A'), env.get('TIDE'), env.get('SECRET'))";
    assert_eq!(said(&["--allow-env=TIDE_*"], code), "one\tnil\tnil\n");
    assert_eq!(said(&["--allow-env=TIDE*"], code), "one\tbare\tnil\n");
}

#[test]
fn the_list_holds_the_granted_names_that_are_set_and_no_others() {
    let code = "print(table.concat(env.list(), ' '))";
    assert_eq!(said(&["--allow-env=TIDE_*,UNSET"], code), "TIDE_A TIDE_B TIDE_EMPTY\n");
    assert_eq!(said(&[], code), "\n");
    assert!(said(&["-A"], code).contains("SECRET"));
}

#[test]
fn a_script_cannot_change_the_environment_it_sees() {
    let code =
        "local list = env.list() list[1] = 'forged' print(env.list()[1], env.set, os.setenv)";
    assert_eq!(said(&["--allow-env=TIDE_A"], code), "TIDE_A\tnil\tnil\n");
}

#[test]
fn a_name_must_be_a_text() {
    for (argument, got) in [("", "no value"), ("nil", "nil"), ("{}", "table")] {
        let said = Run::script(&[], &format!("\n\nenv.get({argument})")).finish().fails_with(1);
        let text = format!("main.lua:3: env.get: argument #1 must be a string, got {got}");
        assert!(said.contains(&text), "{said}");
        let said = Run::script(&[], &format!("\n\nos.getenv({argument})")).finish().fails_with(1);
        let text = format!("main.lua:3: bad argument #1 to 'getenv' (string expected, got {got})");
        assert!(said.contains(&text), "{said}");
    }
}

#[test]
fn a_name_of_any_bytes_is_just_unset() {
    let code = "for _, name in ipairs { '', '=', 'A=B', '\\0', 'TIDE_A\\0', '\\xff', ('x'):rep(1e6) } do assert.eq(env.get(name), nil) end print('fine')";
    assert_eq!(said(&["-A"], code), "fine\n");
}

#[test]
fn a_value_past_64_kib_is_too_large() {
    let run = |length: usize| {
        Run::eval(
            &["--allow-env=BIG"],
            "local ok, v = pcall(env.get, 'BIG') print(ok and #v or v.kind .. ' ' .. v.message)",
        )
        .env("BIG", &"x".repeat(length))
        .finish()
        .ok()
    };
    assert_eq!(run(64 * 1024), "65536\n");
    let said = run(64 * 1024 + 1);
    assert!(
        said.starts_with("too_large env.get: ") && said.contains("BIG") && !said.contains("xxx"),
        "{said}"
    );
}
