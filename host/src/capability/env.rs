//! `wit/env.wit`: environment variables.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::HasData;

use crate::audit::{Audit, Event};
use crate::bindings::tidelock::script::{env, types};
use crate::capability::View;
use crate::failure::{Failure, Kind};
use crate::grants::EnvGrants;
use crate::limits::MAX_CROSSING;

/// Bytes that a name costs beside its own when a list of names crosses into the guest.
const NAME_OVERHEAD: usize = 8;

/// Bytes of a name that the audit log shows.
const MAX_SHOWN: usize = 256;

/// The variables one instance may see, as they were when the run began.
///
/// Only granted variables are kept, so that no later mistake can give out another.
#[derive(Clone)]
pub struct EnvCtx {
    granted: Arc<BTreeMap<Vec<u8>, Vec<u8>>>,
    grants: EnvGrants,
    audit: Audit,
}

impl EnvCtx {
    /// The granted ones of `variables`, usually `std::env::vars_os()`.
    pub fn new(
        grants: EnvGrants,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        audit: Audit,
    ) -> Self {
        let granted = variables
            .into_iter()
            .map(|(name, value)| (name.into_vec(), value.into_vec()))
            .filter(|(name, _)| grants.granted_by(name).is_some())
            .collect();
        Self { granted: Arc::new(granted), grants, audit }
    }

    fn value(&self, name: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        let rule = self.grants.granted_by(name);
        let shown = String::from_utf8_lossy(name.get(..MAX_SHOWN).unwrap_or(name));
        let event = Event { capability: "env", operation: "get", target: &shown };
        self.audit.decision(event, rule.is_some(), rule);
        match self.granted.get(name) {
            Some(value) if value.len() > MAX_CROSSING => Err(Failure::new(
                Kind::TooLarge,
                format!("the environment variable {shown} has more than 64 KiB"),
            )),
            value => Ok(value.cloned()),
        }
    }

    fn names(&self) -> Vec<String> {
        let event = Event { capability: "env", operation: "list", target: "granted names" };
        self.audit.operation(event, "ok", 0, Duration::ZERO);
        let mut room = MAX_CROSSING;
        let mut names = Vec::new();
        for name in self.granted.keys() {
            // A name that is no text cannot be listed; it can still be asked for.
            let Ok(name) = String::from_utf8(name.clone()) else { continue };
            match room.checked_sub(name.len() + NAME_OVERHEAD) {
                Some(rest) => room = rest,
                None => break,
            }
            names.push(name);
        }
        names
    }
}

/// The capability's place in the linker.
pub struct Env;

impl HasData for Env {
    type Data<'a> = View<'a, EnvCtx>;
}

impl env::Host for View<'_, EnvCtx> {
    fn get(&mut self, name: Vec<u8>) -> wasmtime::Result<Result<Option<Vec<u8>>, types::Error>> {
        Ok(self.ctx.value(&name).map_err(Into::into))
    }

    fn names(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.ctx.names())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn ctx(rules: &[&str], variables: &[(&str, &str)]) -> EnvCtx {
        let mut grants = EnvGrants::default();
        for rule in rules {
            grants.allow(rule).unwrap();
        }
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
        EnvCtx::new(grants, variables, Audit::default())
    }

    #[test]
    fn only_granted_variables_are_seen_and_others_look_unset() {
        let ctx = ctx(&["B", "A_*"], &[("B", "2"), ("A_X", "1"), ("SECRET", "s")]);
        assert_eq!(ctx.value(b"B"), Ok(Some(b"2".to_vec())));
        assert_eq!(ctx.value(b"A_X"), Ok(Some(b"1".to_vec())));
        assert_eq!(ctx.value(b"SECRET"), Ok(None));
        assert_eq!(ctx.value(b"A_UNSET"), Ok(None));
        assert_eq!(ctx.names(), ["A_X", "B"]);
    }

    #[test]
    fn names_of_any_bytes_are_answered() {
        let ctx = ctx(&["*"], &[("A", "1")]);
        for name in [&b""[..], b"\0", b"A=1", b"\xff", &vec![b'x'; 1 << 20]] {
            assert_eq!(ctx.value(name), Ok(None));
        }
    }

    #[test]
    fn values_and_lists_stay_below_what_may_cross() {
        let big = "x".repeat(MAX_CROSSING + 1);
        let ctx = ctx(&["*"], &[("BIG", &big), ("FULL", &big[1..])]);
        assert_eq!(ctx.value(b"BIG").unwrap_err().kind, Kind::TooLarge);
        assert_eq!(ctx.value(b"FULL").unwrap().unwrap().len(), MAX_CROSSING);
        let many: Vec<(OsString, OsString)> =
            (0..20_000).map(|n| (format!("N{n:05}").into(), "".into())).collect();
        let mut grants = EnvGrants::default();
        grants.allow_all();
        let names = EnvCtx::new(grants, many, Audit::default()).names();
        assert!(names.len() > 1000 && names.len() * (6 + NAME_OVERHEAD) <= MAX_CROSSING);
    }
}
