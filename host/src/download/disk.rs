//! The thread that writes one file.

use tokio::sync::mpsc;

use super::bars::Bar;
use super::digest::Check;
use crate::door::file::Replacement;
use crate::failure::{Failure, Kind};

/// What the thread is told.
pub(super) enum Message {
    /// The next bytes.
    Piece(Vec<u8>),
    /// That was all: the file may take its place.
    End,
}

/// Writes what comes through `messages` until their end, and puts the file in its place. Blocks. If the
/// messages stop without an end, or something fails, nothing stays.
///
/// # Errors
/// - `io`, `denied`: the file door's.
/// - `protocol`: the digest is wrong.
/// - `cancelled`: the messages stopped, or the file was given up.
pub(super) fn write(
    replacement: &Replacement,
    mut messages: mpsc::Receiver<Message>,
    mut check: Option<Check>,
    bar: &mut Bar,
) -> Result<(), Failure> {
    let mut writer = replacement.begin()?;
    loop {
        match messages.blocking_recv() {
            Some(Message::Piece(bytes)) => {
                if let Some(check) = &mut check {
                    check.update(&bytes);
                }
                writer.write(&bytes)?;
                bar.advance(bytes.len() as u64);
            }
            Some(Message::End) => break,
            None => return Err(Failure::new(Kind::Cancelled, "the download was stopped")),
        }
    }
    if let Some(check) = check {
        check.finish()?;
    }
    writer.commit()
}
