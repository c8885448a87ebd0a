//! Reads facts after a number, from old segments and from the one that grows.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use model::Fact;
use tracing::{error, warn};

use super::{
    JournalError, record,
    segment::{self, Head, MAGIC, Segment},
};

/// How much is read at once. A longer record is read whole.
const CHUNK: usize = 1024 * 1024;

/// Reads facts in order. Any number of readers may follow one journal.
///
/// Damage (a record whose CRC is wrong, a segment whose head is) is passed over to the next whole record, in this segment or the next, and is never silent: it is
/// logged with file and offset, and counted.
#[derive(Debug)]
pub struct Reader {
    dir: PathBuf,
    segment: Option<Reading>,
    /// The number of the last fact that was read.
    last_seq: u64,
    /// Octets behind what was taken last were read already.
    has_more: bool,
    /// What is read into; kept, for it is large.
    buffer: Vec<u8>,
    damaged: u64,
    unreadable: u64,
    missing: u64,
}

#[derive(Debug)]
struct Reading {
    segment: Segment,
    file: File,
    /// Where the next record starts.
    offset: u64,
    /// Whether the segment's head was seen and passed.
    begun: bool,
}

/// What was found at a reader's place.
enum Found {
    Facts(Vec<(u64, Fact)>),
    /// Nothing whole: the end, or a record that is being written.
    End {
        /// Octets behind the last whole record.
        rest: usize,
    },
}

impl Reader {
    /// Reads facts with numbers above `after`. The directory may be empty.
    pub fn open(dir: &Path, after: u64) -> io::Result<Self> {
        let mut reader = Self {
            dir: dir.to_owned(),
            segment: None,
            last_seq: after,
            has_more: false,
            buffer: Vec::new(),
            damaged: 0,
            unreadable: 0,
            missing: 0,
        };
        reader.enter(|segments| {
            let start = segments.iter().rposition(|segment| segment.first_seq <= after.saturating_add(1)).unwrap_or(0);
            segments.into_iter().nth(start)
        })?;
        Ok(reader)
    }

    /// The next facts, at most `facts_max` of them; none at the end of what was written so far.
    pub fn next_batch(&mut self, facts_max: usize) -> io::Result<Vec<(u64, Fact)>> {
        loop {
            if self.segment.is_none() && !self.enter(|segments| segments.into_iter().next())? {
                return Ok(Vec::new());
            }
            if let Found::Facts(facts) = self.read(facts_max)? {
                return Ok(facts);
            }
            let Some(next) = self.following()? else { return Ok(Vec::new()) };
            // Facts may have been appended here between reading and seeing the next segment. Now none will come any more.
            match self.read(facts_max)? {
                Found::Facts(facts) => return Ok(facts),
                Found::End { rest } => self.leave(next, rest)?,
            }
        }
    }

    /// Whether the last batch surely was not all: whoever follows reads on at once.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.has_more
    }

    /// The number of the last fact that was read, or after which reading began.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.last_seq
    }

    /// How many damaged stretches were passed over.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// How many whole records hold no fact that this program knows: written by a newer one.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// How many numbers were missing: lost to damage, or with files that are gone.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.missing
    }

    fn enter(&mut self, choose: impl FnOnce(Vec<Segment>) -> Option<Segment>) -> io::Result<bool> {
        let segments = match segment::list(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            listed => listed?,
        };
        let Some(segment) = choose(segments) else { return Ok(false) };
        let file = File::open(&segment.path)?;
        self.segment = Some(Reading { segment, file, offset: 0, begun: false });
        Ok(true)
    }

    fn following(&self) -> io::Result<Option<Segment>> {
        let Some(reading) = &self.segment else { return Ok(None) };
        Ok(segment::list(&self.dir)?.into_iter().find(|segment| segment.first_seq > reading.segment.first_seq))
    }

    fn leave(&mut self, next: Segment, rest: usize) -> io::Result<()> {
        if let Some(reading) = self.segment.as_ref().filter(|_| rest > 0) {
            self.damaged += 1;
            error!(file = %reading.segment.path.display(), offset = reading.offset, octets = rest, "The journal is damaged; the segment's end is lost.");
        }
        let file = File::open(&next.path)?;
        self.segment = Some(Reading { segment: next, file, offset: 0, begun: false });
        Ok(())
    }

    /// Reads from the current place, and stays there if there is nothing whole.
    fn read(&mut self, facts_max: usize) -> io::Result<Found> {
        let Some(mut reading) = self.segment.take() else { return Ok(Found::End { rest: 0 }) };
        let mut buffer = std::mem::take(&mut self.buffer);
        let found = self.read_in(&mut reading, &mut buffer, facts_max);
        // A long record must not hold its memory for ever.
        buffer.truncate(CHUNK);
        buffer.shrink_to(CHUNK);
        self.buffer = buffer;
        self.segment = Some(reading);
        found
    }

    fn read_in(&mut self, reading: &mut Reading, buffer: &mut Vec<u8>, facts_max: usize) -> io::Result<Found> {
        self.has_more = false;
        if !reading.begun {
            let start = reading.octets(buffer, MAGIC.len())?;
            match Head::read(start) {
                Head::Sound => reading.pass(MAGIC.len()),
                Head::Short => return Ok(Found::End { rest: start.len() }),
                Head::Newer(version) => {
                    let newer = JournalError::Newer { file: reading.segment.path.clone(), version };
                    return Err(io::Error::new(io::ErrorKind::InvalidData, newer));
                }
                Head::Damaged => match reading.first_record(buffer)? {
                    Ok(start) => {
                        self.damaged += 1;
                        let file = reading.segment.path.display();
                        error!(%file, octets = start, "The head of a journal segment is damaged; reading goes on behind it.");
                        reading.pass(start);
                    }
                    Err(length) => return Ok(Found::End { rest: length }),
                },
            }
            reading.begun = true;
        }
        let mut size = CHUNK;
        loop {
            let octets = reading.octets(buffer, size)?;
            let (facts, length) = self.take(octets, facts_max, &reading.segment.path);
            reading.pass(length);
            if !facts.is_empty() {
                self.has_more = length < octets.len() || octets.len() == size;
                return Ok(Found::Facts(facts));
            }
            if length > 0 {
                size = CHUNK;
                continue;
            }
            if let Some(record) = record::behind_damage(octets, 0, self.last_seq) {
                self.damaged += 1;
                let file = reading.segment.path.display();
                error!(%file, offset = reading.offset, octets = record.start, "The journal is damaged; reading goes on behind it.");
                reading.pass(record.start);
                continue;
            }
            if octets.len() < size {
                return Ok(Found::End { rest: octets.len() });
            }
            // A record longer than what was read, or a long damage.
            size = size.saturating_mul(4);
        }
    }

    /// The facts of the whole records at the start of `octets`, and how long those records are.
    fn take(&mut self, octets: &[u8], facts_max: usize, file: &Path) -> (Vec<(u64, Fact)>, usize) {
        let mut facts = Vec::new();
        let mut length = 0;
        while let Some(record) = record::at(octets, length).filter(|_| facts.len() < facts_max) {
            length = record.end;
            if record.seq <= self.last_seq {
                continue;
            }
            let missing = record.seq - self.last_seq - 1;
            if missing > 0 {
                self.missing += missing;
                error!(file = %file.display(), after = self.last_seq, missing, "Facts are missing from the journal.");
            }
            self.last_seq = record.seq;
            match record::decode(record.json) {
                Ok(fact) => facts.push((record.seq, fact)),
                Err(error) => {
                    self.unreadable += 1;
                    warn!(file = %file.display(), seq = record.seq, %error, "A fact of the journal is of a kind that this program does not know.");
                }
            }
        }
        (facts, length)
    }
}

impl Reading {
    /// Up to `size` octets from the current place; fewer only at the file's end.
    fn octets<'a>(&self, buffer: &'a mut Vec<u8>, size: usize) -> io::Result<&'a [u8]> {
        if buffer.len() < size {
            buffer.resize(size, 0);
        }
        let mut length = 0;
        while let Some(room) = buffer.get_mut(length..size).filter(|room| !room.is_empty()) {
            let place = self.offset.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
            match self.file.read_at(room, place) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(buffer.get(..length).unwrap_or_default())
    }

    /// Where the first whole record starts, if there is one; if not, how long the file is.
    fn first_record(&self, buffer: &mut Vec<u8>) -> io::Result<Result<usize, usize>> {
        let mut size = CHUNK;
        loop {
            let octets = self.octets(buffer, size)?;
            if let Some(record) = record::whole(octets, 0, self.segment.first_seq.saturating_sub(1)).next() {
                return Ok(Ok(record.start));
            }
            if octets.len() < size {
                return Ok(Err(octets.len()));
            }
            size = size.saturating_mul(4);
        }
    }

    fn pass(&mut self, octets: usize) {
        self.offset = self.offset.saturating_add(u64::try_from(octets).unwrap_or(u64::MAX));
    }
}
