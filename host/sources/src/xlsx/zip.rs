//! Parts of a file that was packed as ZIP, unpacked as they are read.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Take};

use flate2::Crc;
use flate2::bufread::DeflateDecoder;

use crate::failure::Failure;

/// Parts of a workbook.
const MOST_PARTS: usize = 10_000;

/// Bytes of the list of parts.
const MOST_LIST: u64 = 4 << 20;

/// How far from the end the list's own place may be.
const TAIL: u64 = 65_557;

#[derive(Debug)]
struct Entry {
    name: String,
    packed: bool,
    protected: bool,
    size: u64,
    crc: u32,
    at: u64,
}

/// A packed file.
#[derive(Debug)]
pub(super) struct Zip {
    file: File,
    entries: Vec<Entry>,
}

fn broken(why: &str) -> Failure {
    Failure::content(format!("the file is no workbook that can be read: {why}"))
}

fn io_failure(error: &io::Error) -> Failure {
    Failure::io("the workbook cannot be read", error)
}

fn u16_at(bytes: &[u8], at: usize) -> u64 {
    let found = bytes.get(at..at + 2).and_then(|two| two.try_into().ok());
    u64::from(found.map_or(0, u16::from_le_bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> u64 {
    let found = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
    u64::from(found.map_or(0, u32::from_le_bytes))
}

impl Zip {
    pub(super) fn open(mut file: File) -> Result<Zip, Failure> {
        let mut beginning = Vec::new();
        let length = file.seek(SeekFrom::End(0)).map_err(|e| io_failure(&e))?;
        let mut take = |at: u64, bytes: u64, into: &mut Vec<u8>| -> Result<(), Failure> {
            into.clear();
            file.seek(SeekFrom::Start(at)).map_err(|e| io_failure(&e))?;
            let read = Read::by_ref(&mut file).take(bytes).read_to_end(into);
            read.map(|_| ()).map_err(|e| io_failure(&e))
        };
        take(0, 8, &mut beginning)?;
        if beginning.starts_with(b"\xd0\xcf\x11\xe0") {
            return Err(broken(
                "it is of the old kind or protected by a password: save it as .xlsx without one",
            ));
        }
        let mut tail = Vec::new();
        let from = length.saturating_sub(TAIL);
        take(from, TAIL, &mut tail)?;
        let end = (0..tail.len().saturating_sub(21))
            .rev()
            .find(|at| tail[*at..].starts_with(b"PK\x05\x06"))
            .ok_or_else(|| broken("its list of parts is missing, as in a file that was cut"))?;
        let count = u16_at(&tail, end + 10) as usize;
        let (size, place) = (u32_at(&tail, end + 12), u32_at(&tail, end + 16));
        if count > MOST_PARTS || size > MOST_LIST || place.saturating_add(size) > length {
            return Err(broken("its list of parts is damaged, or far too long"));
        }
        let mut list = Vec::new();
        take(place, size, &mut list)?;
        let mut entries = Vec::new();
        let mut at = 0;
        while entries.len() < count {
            if !list
                .get(at..)
                .is_some_and(|rest| rest.starts_with(b"PK\x01\x02"))
            {
                return Err(broken("its list of parts is damaged"));
            }
            let name_length = u16_at(&list, at + 28) as usize;
            let name = list
                .get(at + 46..at + 46 + name_length)
                .ok_or_else(|| broken("its list of parts is damaged"))?;
            let method = u16_at(&list, at + 10);
            if method != 0 && method != 8 {
                return Err(broken("it is packed in an unusual way"));
            }
            entries.push(Entry {
                name: String::from_utf8_lossy(name).into_owned(),
                packed: method == 8,
                protected: u16_at(&list, at + 8) & 1 == 1,
                crc: u32_at(&list, at + 16) as u32,
                size: u32_at(&list, at + 20),
                at: u32_at(&list, at + 42),
            });
            let more = u16_at(&list, at + 30) + u16_at(&list, at + 32);
            at += 46 + name_length + more as usize;
        }
        Ok(Zip { file, entries })
    }

    /// Opens a part, of which at most so many bytes are unpacked. None where
    /// there is no such part.
    pub(super) fn part(&self, name: &str, most: u64) -> Result<Option<Part>, Failure> {
        let wanted = name.trim_start_matches('/');
        let known = |entry: &&Entry| entry.name.eq_ignore_ascii_case(wanted);
        let Some(entry) = self.entries.iter().find(known) else {
            return Ok(None);
        };
        if entry.protected {
            return Err(broken("it is protected by a password: save it without one"));
        }
        let mut file = self.file.try_clone().map_err(|e| io_failure(&e))?;
        let mut header = [0; 30];
        file.seek(SeekFrom::Start(entry.at))
            .and_then(|_| file.read_exact(&mut header))
            .map_err(|_| broken("one of its parts is missing, as in a file that was cut"))?;
        if !header.starts_with(b"PK\x03\x04") {
            return Err(broken("one of its parts is damaged"));
        }
        let more = u16_at(&header, 26) + u16_at(&header, 28);
        file.seek(SeekFrom::Current(more as i64))
            .map_err(|e| io_failure(&e))?;
        let raw = BufReader::with_capacity(64 * 1024, file.take(entry.size));
        Ok(Some(Part {
            from: match entry.packed {
                true => From::Packed(DeflateDecoder::new(raw)),
                false => From::Plain(raw),
            },
            left: most,
            most,
            crc: entry.crc,
            sum: Crc::new(),
        }))
    }
}

/// A part while it is read.
pub(super) struct Part {
    from: From,
    left: u64,
    most: u64,
    crc: u32,
    sum: Crc,
}

enum From {
    Plain(BufReader<Take<File>>),
    Packed(DeflateDecoder<BufReader<Take<File>>>),
}

impl Read for Part {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.from {
            From::Plain(from) => from.read(into)?,
            From::Packed(from) => from.read(into).map_err(|error| match error.kind() {
                io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
                    io::Error::new(io::ErrorKind::InvalidData, "it is damaged")
                }
                _ => error,
            })?,
        };
        self.sum.update(&into[..read]);
        if read == 0 && !into.is_empty() && self.sum.sum() != self.crc {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is damaged"));
        }
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            let why = format!("it has more than {} MiB unpacked", self.most >> 20);
            io::Error::new(io::ErrorKind::InvalidData, why)
        })?;
        Ok(read)
    }
}
