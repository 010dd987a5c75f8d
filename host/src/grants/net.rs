//! Stub.
/// Stub.
#[derive(Clone, Debug, Default)]
pub struct NetGrants {
    rules: Vec<String>,
}
impl NetGrants {
    /// Stub.
    pub fn allow(&mut self, rule: &str) -> Result<(), String> {
        check(rule)?;
        self.rules.push(rule.to_owned());
        Ok(())
    }
    /// Stub.
    pub fn deny(&mut self, rule: &str) -> Result<(), String> {
        check(rule)?;
        self.rules.push(format!("!{rule}"));
        Ok(())
    }
    /// Stub.
    pub fn allow_all(&mut self) {
        self.rules.push("all".to_owned());
    }
}
fn check(rule: &str) -> Result<(), String> {
    if rule.is_empty() || rule.contains("//") {
        Err("a rule is host[:port]".to_owned())
    } else {
        Ok(())
    }
}
