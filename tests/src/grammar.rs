//! Random texts from a grammar.
//!
//! A grammar is a text: a line `name:` begins a rule, the indented lines below it are its alternatives.
//! `<name>` in one stands for any text of that rule. The first alternative of a rule is taken when the
//! text has become deep enough, so following only first ones must come to an end.

use std::collections::BTreeMap;

use crate::random::Random;

/// Nesting from which on only first alternatives are taken.
const DEEPEST: usize = 14;

/// Rules from which on a text does not branch any more.
const LONGEST: usize = 400;

/// A grammar, read.
#[derive(Debug)]
pub struct Grammar {
    rules: BTreeMap<String, Vec<Vec<Part>>>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Rule(String),
}

impl Grammar {
    /// Reads the text of a grammar; lines that begin with `#` are comments.
    pub fn parse(text: &str) -> Self {
        let mut rules: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        let mut name = String::new();
        for line in text.lines() {
            if let Some(alternative) = line.strip_prefix("  ") {
                rules.get_mut(&name).expect("a rule begins with its name").push(alternative);
            } else if let Some(rule) = line.strip_suffix(':') {
                rule.clone_into(&mut name);
                assert!(rules.insert(name.clone(), Vec::new()).is_none(), "{name} is there twice");
            } else {
                assert!(line.is_empty() || line.starts_with('#'), "what is {line:?}?");
            }
        }
        let parsed = rules.iter().map(|(name, alternatives)| {
            let parts = alternatives.iter().map(|text| parts(text, &rules)).collect();
            (name.clone(), parts)
        });
        Self { rules: parsed.collect() }
    }

    /// A text of the rule `script`.
    pub fn script(&self, random: &mut Random) -> String {
        let mut text = String::new();
        self.expand("script", random, 0, &mut 0, &mut text);
        text
    }

    fn expand(
        &self,
        rule: &str,
        random: &mut Random,
        depth: usize,
        count: &mut usize,
        text: &mut String,
    ) {
        *count += 1;
        let alternatives = self.rules.get(rule).expect("the rule is there");
        let alternative = if depth > DEEPEST || *count > LONGEST {
            alternatives.first().expect("a rule has alternatives")
        } else {
            random.pick(alternatives)
        };
        for part in alternative {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Rule(rule) => self.expand(rule, random, depth + 1, count, text),
            }
        }
    }
}

/// Cuts an alternative into texts and rules; what looks like a rule and is none is text, as `<close>`.
fn parts(alternative: &str, rules: &BTreeMap<String, Vec<&str>>) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut rest = alternative;
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        match after.split_once('>') {
            Some((name, behind)) if rules.contains_key(name) => {
                parts.push(Part::Text(std::mem::take(&mut text)));
                parts.push(Part::Rule(name.to_owned()));
                rest = behind;
            }
            _ => {
                text.push('<');
                rest = after;
            }
        }
    }
    parts.push(Part::Text(text + rest));
    parts
}
