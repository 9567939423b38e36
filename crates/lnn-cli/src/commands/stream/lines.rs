//! Standard input as lines, with what waits at a time.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

/// Number of bytes that are read at a time.
const CHUNK: usize = 1 << 16;

/// Number of chunks that wait for the program.
const WAITING: usize = 16;

/// The largest number of bytes of a line.
const LONGEST: usize = 1 << 20;

/// The lines of standard input.
pub(super) struct Lines {
    chunks: Receiver<io::Result<Vec<u8>>>,
    /// The beginning of a line whose end has not come.
    begun: Vec<u8>,
    /// Whether the line that has begun is too long to be kept.
    too_long: bool,
}

/// What has come in.
pub(super) enum Arrived {
    /// Whole lines without their ends; `None` for one that was too long.
    Lines(Vec<Option<String>>),
    /// Nothing within the time.
    Nothing,
    /// The end of the input.
    End,
}

impl Lines {
    /// The lines of `input`, which a thread of its own reads, so that a signal is seen while no line comes.
    pub(super) fn of(mut input: impl Read + Send + 'static) -> Self {
        let (sender, chunks) = sync_channel(WAITING);
        std::thread::spawn(move || {
            let mut chunk = vec![0; CHUNK];
            loop {
                let read = match input.read(&mut chunk) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Ok(count) => Ok(chunk[..count].to_vec()),
                    Err(error) => Err(error),
                };
                let ends = read.as_ref().map_or(true, Vec::is_empty);
                if sender.send(read).is_err() || ends {
                    return;
                }
            }
        });
        Self { chunks, begun: Vec::new(), too_long: false }
    }

    /// The lines that wait, or that come within `patience`.
    ///
    /// # Errors
    /// Those of the input.
    pub(super) fn next(&mut self, patience: Duration) -> io::Result<Arrived> {
        let chunk = match self.chunks.recv_timeout(patience) {
            Ok(chunk) => chunk?,
            Err(RecvTimeoutError::Timeout) => return Ok(Arrived::Nothing),
            Err(RecvTimeoutError::Disconnected) => return Ok(Arrived::End),
        };
        if chunk.is_empty() {
            // The last line may have no end.
            return Ok(match self.begun.is_empty() && !self.too_long {
                true => Arrived::End,
                false => Arrived::Lines(vec![self.line()]),
            });
        }
        let mut lines = Vec::new();
        for part in chunk.split_inclusive(|byte| *byte == b'\n') {
            match part.strip_suffix(b"\n") {
                Some(end) => {
                    self.begin(end);
                    lines.push(self.line());
                }
                None => self.begin(part),
            }
        }
        Ok(Arrived::Lines(lines))
    }

    fn begin(&mut self, bytes: &[u8]) {
        self.too_long |= self.begun.len() + bytes.len() > LONGEST;
        match self.too_long {
            true => self.begun.clear(),
            false => self.begun.extend_from_slice(bytes),
        }
    }

    fn line(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.begun);
        let whole = !std::mem::take(&mut self.too_long);
        whole.then(|| String::from_utf8_lossy(&line).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: Vec<u8>) -> Vec<Option<String>> {
        let mut lines = Lines::of(io::Cursor::new(bytes));
        let mut found = Vec::new();
        loop {
            match lines.next(Duration::from_secs(10)).unwrap() {
                Arrived::Lines(some) => found.extend(some),
                Arrived::Nothing => panic!("the input waits for nobody"),
                Arrived::End => return found,
            }
        }
    }

    #[test]
    fn lines_are_whole_wherever_the_input_is_cut_and_the_last_needs_no_end() {
        let long = "x".repeat(CHUNK - 3);
        let text = format!("a\n\n{long}\nbc\r\nd");
        let expected = ["a", "", &long, "bc\r", "d"].map(|line| Some(line.to_owned()));
        assert_eq!(all(text.into_bytes()), expected);
        assert_eq!(all(Vec::new()), []);
        assert_eq!(all(b"\xff\n".to_vec()), [Some("\u{fffd}".to_owned())]);
    }

    #[test]
    fn a_line_that_is_too_long_is_left_out_and_the_next_one_is_not() {
        let text = format!("a\n{}\nb\n", "x".repeat(3 * LONGEST));
        assert_eq!(all(text.into_bytes()), [Some("a".to_owned()), None, Some("b".to_owned())]);
    }
}
