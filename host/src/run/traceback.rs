//! The Lua traceback of an instance that a limit stopped, read from the memory it left.
//!
//! A trap can come anywhere and nothing can be called in the instance afterwards, so the host walks the
//! interpreter's structures itself; the guest told where they are ([`Landmarks`]). A script may have
//! had a hand in every byte: each access is checked, each walk is bounded, and what makes no sense ends it.

use std::collections::{HashMap, VecDeque};

use crate::bindings::Landmarks;

/// Frames of one coroutine that are shown, of the innermost and of the outermost, as in Lua.
const FRAMES: (usize, usize) = (10, 11);

/// Coroutines that are shown, of the innermost and of the outermost.
const COROUTINES: (usize, usize) = (2, 2);

/// Frames of one coroutine that are walked: more than Lua's stack has room for in any usual function.
const MAX_FRAMES: usize = 250_000;

/// Coroutines that are walked; Lua allows 200 inside each other.
const MAX_COROUTINES: usize = 256;

/// Nodes of the tables of all loaded modules that are searched for the names of functions.
const MAX_NODES: u32 = 30_000;

/// Steps of a function's lines that are added up; Lua begins anew every 128 instructions.
const MAX_STEPS: u32 = 100_000;

/// Bytes of a chunk's name that are shown; about Lua's own bound.
const MAX_CHUNK: usize = 56;

/// The traceback of what was running, in Lua's own form; empty if nothing could be read.
pub fn read(memory: &[u8], marks: &Landmarks) -> Vec<u8> {
    let memory = Memory { bytes: memory, marks };
    let names = memory.names();
    let mut text = b"stack traceback:".to_vec();
    let header = text.len();
    let coroutines = Shown::of(memory.coroutines(), MAX_COROUTINES, COROUTINES);
    let mut first = true;
    coroutines.each(|coroutine| match coroutine {
        Ok(thread) => {
            if !std::mem::take(&mut first) {
                text.extend_from_slice(b"\n\t(...resumed by...)");
            }
            memory.push_frames(&mut text, &names, thread);
        }
        Err(skipped) => {
            text.extend_from_slice(format!("\n\t...\t(skipping {skipped} coroutines)").as_bytes());
        }
    });
    if text.len() == header { Vec::new() } else { text }
}

/// The first and the last of a sequence.
struct Shown<T> {
    first: Vec<T>,
    last: VecDeque<T>,
    skipped: usize,
}

impl<T: Copy> Shown<T> {
    /// Looks at no more than `max` items.
    fn of(items: impl Iterator<Item = T>, max: usize, (first, last): (usize, usize)) -> Self {
        let mut shown = Self { first: Vec::new(), last: VecDeque::new(), skipped: 0 };
        for item in items.take(max) {
            if shown.first.len() < first {
                shown.first.push(item);
                continue;
            }
            if shown.last.len() == last {
                shown.last.pop_front();
                shown.skipped += 1;
            }
            shown.last.push_back(item);
        }
        shown
    }

    /// Gives the items, and in their middle how many were skipped.
    fn each(&self, mut give: impl FnMut(Result<T, usize>)) {
        self.first.iter().for_each(|item| give(Ok(*item)));
        if self.skipped > 0 {
            give(Err(self.skipped));
        }
        self.last.iter().for_each(|item| give(Ok(*item)));
    }
}

/// The module and the key under which a value is found.
type Names<'a> = HashMap<Value, (&'a [u8], &'a [u8])>;

/// `function 'name'`, as Lua names what it finds.
fn push_name(text: &mut Vec<u8>, names: &Names<'_>, function: Value) -> Option<()> {
    let (module, name) = names.get(&function)?;
    text.extend_from_slice(b"function '");
    if *module != b"_G" {
        text.extend_from_slice(&[module, &b"."[..]].concat());
    }
    text.extend_from_slice(name);
    text.push(b'\'');
    Some(())
}

/// A value as Lua compares functions: its tag and its pointer.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Value {
    tag: u8,
    pointer: u32,
}

/// The linear memory; every access outside it is none.
#[derive(Clone, Copy)]
struct Memory<'a> {
    bytes: &'a [u8],
    marks: &'a Landmarks,
}

impl<'a> Memory<'a> {
    fn slice(self, base: u32, offset: u32, length: u32) -> Option<&'a [u8]> {
        let start = usize::try_from(base.checked_add(offset)?).ok()?;
        self.bytes.get(start..start.checked_add(usize::try_from(length).ok()?)?)
    }

    fn byte(self, base: u32, offset: u32) -> Option<u8> {
        self.slice(base, offset, 1)?.first().copied()
    }

    fn word(self, base: u32, offset: u32) -> Option<u32> {
        Some(u32::from_le_bytes(self.slice(base, offset, 4)?.try_into().ok()?))
    }

    /// A pointer that is not null.
    fn pointer(self, base: u32, offset: u32) -> Option<u32> {
        self.word(base, offset).filter(|pointer| *pointer != 0)
    }

    fn value(self, at: u32) -> Option<Value> {
        let tag = self.byte(at, self.marks.value_tag)?;
        Some(Value { tag, pointer: self.word(at, 0)? })
    }

    fn string(self, at: u32) -> Option<&'a [u8]> {
        let marks = self.marks;
        let short = i8::from_le_bytes([self.byte(at, marks.string_short_length)?]);
        match u32::try_from(short) {
            Ok(length) => self.slice(at, marks.string_contents, length),
            Err(_) => {
                let contents = self.pointer(at, marks.string_contents)?;
                self.slice(contents, 0, self.word(at, marks.string_long_length)?)
            }
        }
    }

    /// The threads from the one that runs to that of its task.
    fn coroutines(self) -> impl Iterator<Item = u32> {
        let marks = self.marks;
        let mut resuming = self.pointer(marks.resuming, 0);
        let running = match resuming {
            Some(resuming) => self.pointer(resuming, marks.resuming_to),
            None => self
                .pointer(marks.current_task, 0)
                .and_then(|task| self.pointer(task, marks.task_thread))
                .or(Some(marks.main_thread)),
        };
        running.into_iter().chain(std::iter::from_fn(move || {
            let thread = self.pointer(resuming?, marks.resuming_from)?;
            resuming = self.pointer(resuming?, marks.resuming_up);
            Some(thread)
        }))
    }

    /// The frames of a thread from the running one to the first.
    fn frames(self, thread: u32) -> impl Iterator<Item = u32> {
        let base = thread.checked_add(self.marks.thread_base);
        let mut next = self.pointer(thread, self.marks.thread_frame);
        std::iter::from_fn(move || {
            let frame = next.filter(|frame| Some(*frame) != base)?;
            next = self.pointer(frame, self.marks.frame_previous);
            Some(frame)
        })
    }

    fn push_frames(self, text: &mut Vec<u8>, names: &Names<'_>, thread: u32) {
        Shown::of(self.frames(thread), MAX_FRAMES, FRAMES).each(|frame| match frame {
            Ok(frame) => {
                text.extend_from_slice(b"\n\t");
                if self.push_frame(text, names, frame).is_none() {
                    text.extend_from_slice(b"?");
                }
            }
            Err(skipped) => {
                text.extend_from_slice(format!("\n\t...\t(skipping {skipped} levels)").as_bytes());
            }
        });
    }

    fn push_frame(self, text: &mut Vec<u8>, names: &Names<'_>, frame: u32) -> Option<()> {
        let marks = self.marks;
        let flags = self.word(frame, marks.frame_flags)?;
        let function = self.value(self.pointer(frame, marks.frame_function)?)?;
        let is_lua = flags & marks.frame_in_c == 0 && u32::from(function.tag) == marks.lua_function;
        if is_lua {
            let prototype = self.pointer(function.pointer, marks.function_prototype)?;
            let first_line = self.word(prototype, marks.prototype_line)?;
            let mut chunk = Vec::new();
            self.push_chunk(&mut chunk, prototype)?;
            text.extend_from_slice(&chunk);
            if let Some(line) = self.line(prototype, self.word(frame, marks.frame_pc)?) {
                text.extend_from_slice(format!(":{line}").as_bytes());
            }
            text.extend_from_slice(b": in ");
            if first_line == 0 {
                text.extend_from_slice(b"main chunk");
            } else if push_name(text, names, function).is_none() {
                text.extend_from_slice(b"function <");
                text.extend_from_slice(&chunk);
                text.extend_from_slice(format!(":{first_line}>").as_bytes());
            }
        } else {
            text.extend_from_slice(b"[C]: in ");
            push_name(text, names, function).unwrap_or_else(|| text.push(b'?'));
        }
        if flags & marks.frame_tail_call != 0 {
            text.extend_from_slice(b"\n\t(...tail calls...)");
        }
        Some(())
    }

    /// The name of a chunk as Lua shows it: the end of a long path, the beginning of anything else.
    fn push_chunk(self, text: &mut Vec<u8>, prototype: u32) -> Option<()> {
        let source = match self.pointer(prototype, self.marks.prototype_source) {
            Some(source) => self.string(source)?,
            None => b"=?",
        };
        match source.split_first() {
            Some((b'@', path)) => match path.last_chunk::<MAX_CHUNK>() {
                Some(end) if end.len() < path.len() => {
                    text.extend_from_slice(&[&b"..."[..], end].concat());
                }
                _ => text.extend_from_slice(path),
            },
            Some((b'=', name)) => {
                text.extend_from_slice(name.first_chunk::<MAX_CHUNK>().map_or(name, |name| name));
            }
            _ => {
                let start = source.first_chunk::<MAX_CHUNK>().map_or(source, |start| start);
                let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
                let more = if line.len() < source.len() { &b"..."[..] } else { &[] };
                text.extend_from_slice(&[b"[string \"", line, more, b"\"]"].concat());
            }
        }
        Some(())
    }

    /// The line of the instruction before `pc`, which is the next one.
    fn line(self, prototype: u32, pc: u32) -> Option<i64> {
        let marks = self.marks;
        let code = self.pointer(prototype, marks.prototype_code)?;
        let instruction = (pc.checked_sub(code)? / 4).saturating_sub(1);
        if instruction >= self.word(prototype, marks.prototype_steps_count)? {
            return None;
        }
        let steps = self.pointer(prototype, marks.prototype_steps)?;
        let mut line = i64::from(self.word(prototype, marks.prototype_line)?);
        let mut from = 0;
        let known = self.word(prototype, marks.prototype_lines_count)?;
        if let Some(lines) = self.pointer(prototype, marks.prototype_lines) {
            // The last known line at or before the instruction; they stand in order.
            let entry = |index: u32| self.slice(lines, index.checked_mul(8)?, 8);
            let (mut low, mut high) = (0, known);
            while low < high {
                let middle = low + (high - low) / 2;
                let at = entry(middle)?.first_chunk().copied().map(u32::from_le_bytes)?;
                if at <= instruction { low = middle + 1 } else { high = middle }
            }
            if let Some(last) = low.checked_sub(1) {
                let entry = entry(last)?;
                from = entry.first_chunk().copied().map(u32::from_le_bytes)?.checked_add(1)?;
                line = entry.last_chunk().copied().map(i32::from_le_bytes)?.into();
            }
        }
        let count = (instruction + 1).checked_sub(from)?.min(MAX_STEPS);
        let steps = self.slice(steps, from, count)?;
        Some(steps.iter().fold(line, |line, step| line + i64::from(i8::from_le_bytes([*step]))))
    }

    /// The names of what the loaded modules and the globals have.
    fn names(self) -> Names<'a> {
        let mut names = Names::new();
        let mut left = MAX_NODES;
        let loaded = self.marks.loaded;
        for (module, table) in self.entries(loaded, self.nodes(loaded, MAX_NODES)) {
            if u32::from(table.tag) != self.marks.table {
                continue;
            }
            let nodes = self.nodes(table.pointer, left);
            left -= nodes;
            for (name, value) in self.entries(table.pointer, nodes) {
                names.entry(value).or_insert((module, name));
            }
        }
        names
    }

    /// The entries of a table whose keys are short strings, as far as they make sense.
    fn entries(self, table: u32, nodes: u32) -> impl Iterator<Item = (&'a [u8], Value)> {
        let marks = self.marks;
        let first = self.pointer(table, marks.table_nodes);
        let entries = (0..nodes).map_while(move |index| {
            let node = first?.checked_add(index.checked_mul(marks.node_size)?)?;
            let value = self.value(node)?;
            let tag = self.byte(node, marks.node_key_tag)?;
            let name = (u32::from(tag) == marks.short_string)
                .then(|| self.string(self.word(node, marks.node_key)?))
                .flatten();
            Some(name.map(|name| (name, value)))
        });
        entries.flatten()
    }

    /// How many nodes a table has, at most `max`.
    fn nodes(self, table: u32, max: u32) -> u32 {
        let size = self.byte(table, self.marks.table_log_size);
        size.and_then(|size| 1u32.checked_shl(size.into())).unwrap_or(0).min(max)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::fuzz::rounds;

    /// Marks as a guest could have them, all offsets small.
    fn marks() -> Landmarks {
        Landmarks {
            main_thread: 64,
            current_task: 4,
            task_thread: 0,
            resuming: 8,
            resuming_to: 0,
            resuming_from: 4,
            resuming_up: 8,
            thread_frame: 0,
            thread_base: 4,
            frame_function: 0,
            frame_previous: 4,
            frame_pc: 8,
            frame_flags: 12,
            frame_in_c: 1,
            frame_tail_call: 2,
            value_tag: 4,
            lua_function: 1,
            table: 2,
            short_string: 3,
            function_prototype: 0,
            prototype_code: 0,
            prototype_source: 4,
            prototype_line: 8,
            prototype_steps: 12,
            prototype_steps_count: 16,
            prototype_lines: 20,
            prototype_lines_count: 24,
            string_short_length: 0,
            string_long_length: 4,
            string_contents: 8,
            table_log_size: 0,
            table_nodes: 4,
            node_size: 16,
            node_key_tag: 5,
            node_key: 8,
            loaded: 16,
        }
    }

    #[test]
    fn fuzz_any_memory_gives_a_text_of_bounded_length() {
        let (done, frames) = (AtomicU32::new(0), AtomicU32::new(0));
        rounds(100_000, |mut random| {
            let size = 1 << (6 + random.below(7));
            // Words that are mostly small, so that they point into the memory and at each other.
            let memory: Vec<u8> = (0..size / 4)
                .flat_map(|_| {
                    let most = if random.one_in(8) { 1 << 31 } else { size + size / 8 };
                    u32::try_from(random.below(most)).unwrap_or_default().to_le_bytes()
                })
                .collect();
            let text = read(&memory, &marks());
            assert!(text.len() < 32 * 1024, "{}", text.len());
            let has_frames = text.windows(4).any(|part| part == b": in");
            frames.fetch_add(u32::from(has_frames), Ordering::Relaxed);
            done.fetch_add(1, Ordering::Relaxed);
        });
        let (done, frames) = (done.into_inner(), frames.into_inner());
        assert!(done < 10_000 || frames > 100, "only {frames} of {done} had frames");
    }

    #[test]
    fn frames_in_a_circle_end() {
        let mut memory = vec![0; 256];
        let mut set = |at: usize, word: u32| {
            memory.splice(at..at + 4, word.to_le_bytes());
        };
        set(64, 128); // the main thread's frame …
        set(128, 160); // … a C function …
        set(132, 128); // … called from itself
        set(140, 1);
        let text = String::from_utf8(read(&memory, &marks())).unwrap_or_default();
        assert_eq!(text.matches("[C]: in ?").count(), FRAMES.0 + FRAMES.1, "{text}");
        assert!(text.contains("(skipping"), "{text}");
    }

    #[test]
    fn a_memory_without_an_interpreter_gives_nothing() {
        assert!(read(&[], &marks()).is_empty());
        assert!(read(&[0; 256], &marks()).is_empty());
    }
}
