//! Progress bars on the terminal of the command line.

use std::io::{self, Write};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Drawings a second.
const DRAWINGS: u8 = 10;

/// Characters of a file's name that a bar shows: its end, which tells most.
const MAX_NAME: usize = 32;

/// The bars of one run, below each other on standard error. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Bars {
    /// None: nobody watches.
    shown: Option<MultiProgress>,
}

impl Bars {
    /// Bars that are drawn on standard error, which should be a terminal.
    pub fn on_stderr() -> Self {
        let target = ProgressDrawTarget::stderr_with_hz(DRAWINGS);
        Self { shown: Some(MultiProgress::with_draw_target(target)) }
    }

    /// A bar for the file `name`, gone when it is dropped. Drawing blocks as writing to a terminal does.
    pub(super) fn start(&self, name: &str, total: Option<u64>) -> Bar {
        let Some(all) = &self.shown else { return Bar { drawn: None } };
        let bar = all.add(match total {
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::no_length(),
        });
        bar.set_style(style(total.is_some()));
        bar.set_message(end_of(name));
        Bar { drawn: Some(bar) }
    }

    /// `to`, with the bars out of the way during each write. For what goes to the same terminal.
    pub fn around(&self, to: Box<dyn Write + Send>) -> Box<dyn Write + Send> {
        match &self.shown {
            Some(all) => Box::new(Around { to, all: all.clone() }),
            None => to,
        }
    }

    /// Takes all bars away, for good.
    pub fn finish(&self) {
        if let Some(all) = &self.shown {
            // A terminal that is gone has no bars.
            let _ = all.clear();
            all.set_draw_target(ProgressDrawTarget::hidden());
        }
    }
}

/// The bar of one file.
#[derive(Debug)]
pub(super) struct Bar {
    drawn: Option<ProgressBar>,
}

impl Bar {
    /// So many bytes more are written.
    pub(super) fn advance(&mut self, bytes: u64) {
        if let Some(bar) = &self.drawn {
            bar.inc(bytes);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.drawn {
            bar.finish_and_clear();
        }
    }
}

struct Around {
    to: Box<dyn Write + Send>,
    all: MultiProgress,
}

impl Write for Around {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Self { to, all } = self;
        all.suspend(|| to.write(bytes).and_then(|written| to.flush().map(|()| written)))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn style(has_total: bool) -> ProgressStyle {
    let template = if has_total {
        "{msg} [{bar:24}] {bytes}/{total_bytes} {bytes_per_sec} {eta}"
    } else {
        "{msg} {spinner} {bytes} {bytes_per_sec}"
    };
    // The templates are ours; the library's own style stands in for one it cannot read.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// The last characters of a name that is one line of text already.
fn end_of(name: &str) -> String {
    let count = name.chars().count();
    if count <= MAX_NAME {
        return name.to_owned();
    }
    std::iter::once('…').chain(name.chars().skip(count - MAX_NAME + 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_its_end() {
        assert_eq!(end_of("a/b.bin"), "a/b.bin");
        let long = format!("{}/end.bin", "\u{fc}".repeat(40));
        let shown = end_of(&long);
        assert_eq!(shown.chars().count(), MAX_NAME);
        assert!(shown.starts_with('…') && shown.ends_with("/end.bin"));
    }

    #[test]
    fn the_templates_are_understood() {
        for total in [None, Some(10)] {
            let bars =
                Bars { shown: Some(MultiProgress::with_draw_target(ProgressDrawTarget::hidden())) };
            let mut bar = bars.start("name", total);
            bar.advance(3);
            assert_eq!(bar.drawn.as_ref().map(ProgressBar::position), Some(3));
        }
    }
}
