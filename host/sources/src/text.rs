//! Bytes of any encoding to UTF-8, a piece at a time.

use std::collections::VecDeque;
use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult};

/// How the texts of a file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding(&'static encoding_rs::Encoding);

impl Default for Encoding {
    fn default() -> Self {
        Encoding(encoding_rs::UTF_8)
    }
}

impl Encoding {
    /// The encoding of a name, as the Web's standard has them: `utf-8`, `gbk`,
    /// `gb18030`, `big5`, `shift_jis`, `windows-1252`, …
    pub fn named(name: &str) -> Option<Encoding> {
        let found = encoding_rs::Encoding::for_label(name.as_bytes())?;
        // This one stands for encodings that nobody may read.
        (found != encoding_rs::REPLACEMENT).then_some(Encoding(found))
    }

    /// Names that are meant by most people, for whoever mistyped one.
    pub fn names() -> impl Iterator<Item = &'static str> + Clone {
        NAMES.iter().copied()
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.0.name()
    }
}

/// Encodings by the names that are written most.
const NAMES: [&str; 31] = [
    "utf-8",
    "utf-16le",
    "utf-16be",
    "gbk",
    "gb2312",
    "gb18030",
    "big5",
    "shift_jis",
    "euc-jp",
    "iso-2022-jp",
    "euc-kr",
    "windows-874",
    "windows-1250",
    "windows-1251",
    "windows-1252",
    "windows-1253",
    "windows-1254",
    "windows-1255",
    "windows-1256",
    "windows-1257",
    "windows-1258",
    "iso-8859-1",
    "iso-8859-2",
    "iso-8859-5",
    "iso-8859-7",
    "iso-8859-9",
    "iso-8859-15",
    "koi8-r",
    "koi8-u",
    "ibm866",
    "macintosh",
];

/// Bytes that are not of the encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadBytes {
    /// Where in the text, counted in bytes of UTF-8.
    pub(crate) at: u64,
    /// The bytes.
    pub(crate) bytes: Vec<u8>,
}

/// Bytes that are read at once.
const PIECE: usize = 64 * 1024;

/// A file's text. Bytes that are not of its encoding are U+FFFD in it, and
/// remembered until their place was passed.
pub(crate) struct Text {
    from: Box<dyn Read + Send>,
    decoder: Decoder,
    name: &'static str,
    raw: Vec<u8>,
    raw_at: usize,
    raw_end: usize,
    raw_over: bool,
    out: Vec<u8>,
    out_at: usize,
    /// Where `out[out_at]` is in the text.
    place: u64,
    begun: bool,
    over: bool,
    bad: VecDeque<BadBytes>,
}

impl Text {
    pub(crate) fn new(from: Box<dyn Read + Send>, encoding: Encoding) -> Text {
        Text {
            from,
            decoder: encoding.0.new_decoder(),
            name: encoding.0.name(),
            raw: vec![0; PIECE],
            raw_at: 0,
            raw_end: 0,
            raw_over: false,
            out: Vec::new(),
            out_at: 0,
            place: 0,
            begun: false,
            over: false,
            bad: VecDeque::new(),
        }
    }

    /// The encoding's name: the one that was set, or the one that a mark says.
    pub(crate) fn encoding(&self) -> &'static str {
        match self.begun {
            true => self.decoder.encoding().name(),
            false => self.name,
        }
    }

    /// Where the next byte is, counted in bytes of UTF-8 without a mark.
    pub(crate) fn place(&self) -> u64 {
        self.place
    }

    /// What comes next; empty at the end only.
    pub(crate) fn look(&mut self) -> io::Result<&[u8]> {
        while self.out_at == self.out.len() && !self.over {
            self.fill()?;
        }
        Ok(&self.out[self.out_at..])
    }

    /// Passes bytes that were looked at.
    pub(crate) fn pass(&mut self, bytes: usize) {
        let bytes = bytes.min(self.out.len() - self.out_at);
        self.out_at += bytes;
        self.place += bytes as u64;
    }

    /// The first bytes between two places that are not of the encoding. Forgets
    /// what is before the second place.
    pub(crate) fn bad_between(&mut self, from: u64, to: u64) -> Option<BadBytes> {
        let mut first = None;
        while self.bad.front().is_some_and(|bad| bad.at < to) {
            let bad = self.bad.pop_front()?;
            if bad.at >= from && first.is_none() {
                first = Some(bad);
            }
        }
        first
    }

    fn fill(&mut self) -> io::Result<()> {
        if self.raw_at == self.raw_end && !self.raw_over {
            let read = loop {
                match self.from.read(&mut self.raw) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    other => break other?,
                }
            };
            self.raw_at = 0;
            self.raw_end = read;
            self.raw_over = read == 0;
        }
        // A byte becomes at most three of UTF-8.
        self.out.resize(PIECE * 3 + 16, 0);
        self.out_at = 0;
        let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(
            &self.raw[self.raw_at..self.raw_end],
            &mut self.out,
            self.raw_over,
        );
        let mut end = written;
        match result {
            DecoderResult::InputEmpty => self.over = self.raw_over,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(length, after) => {
                let stop = (self.raw_at + read).saturating_sub(usize::from(after));
                let start = stop.saturating_sub(usize::from(length));
                self.bad.push_back(BadBytes {
                    at: self.place + written as u64,
                    bytes: self.raw[start.min(self.raw_end)..stop.min(self.raw_end)].to_vec(),
                });
                // There is room: what it stands for took less.
                let sign = "\u{fffd}".as_bytes();
                self.out[end..end + sign.len()].copy_from_slice(sign);
                end += sign.len();
            }
        }
        self.raw_at += read;
        self.out.truncate(end);
        if !self.begun && end > 0 {
            self.begun = true;
            // GB18030 has a mark as well, which the decoder leaves there.
            if self.out.starts_with("\u{feff}".as_bytes()) {
                self.out.drain(..3);
                for bad in &mut self.bad {
                    bad.at = bad.at.saturating_sub(3);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a byte at a time, as a slow pipe does.
    struct Drops(Vec<u8>, usize);

    impl Read for Drops {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let Some(byte) = self.0.get(self.1) else {
                return Ok(0);
            };
            into[0] = *byte;
            self.1 += 1;
            Ok(1)
        }
    }

    fn read(bytes: &[u8], encoding: &str) -> (String, Vec<BadBytes>) {
        let encoding = Encoding::named(encoding).unwrap();
        let mut both = [
            Text::new(Box::new(io::Cursor::new(bytes.to_vec())), encoding),
            Text::new(Box::new(Drops(bytes.to_vec(), 0)), encoding),
        ]
        .map(|mut text| {
            let mut all = Vec::new();
            loop {
                let piece = text.look().unwrap().to_vec();
                if piece.is_empty() {
                    break;
                }
                text.pass(piece.len());
                all.extend(piece);
            }
            assert_eq!(text.place(), all.len() as u64);
            let bad: Vec<BadBytes> = text.bad.drain(..).collect();
            (String::from_utf8(all).unwrap(), bad)
        });
        let places = |of: &[BadBytes]| of.iter().map(|bad| bad.at).collect::<Vec<_>>();
        assert_eq!(both[0].0, both[1].0);
        assert_eq!(places(&both[0].1), places(&both[1].1));
        std::mem::take(&mut both[0])
    }

    #[test]
    fn a_text_is_read_with_a_mark_or_without() {
        let gbk = encoding_rs::GBK.encode("编码,数量\n库存,1").0.into_owned();
        assert_eq!(read(&gbk, "gbk").0, "编码,数量\n库存,1");
        assert_eq!(read("编码".as_bytes(), "utf-8").0, "编码");
        assert_eq!(read("\u{feff}编码".as_bytes(), "utf-8").0, "编码");
        // A mark counts more than the setting.
        assert_eq!(read("\u{feff}编码".as_bytes(), "gbk").0, "编码");
        assert_eq!(read(b"\xff\xfe\x31\x00", "utf-8").0, "1");
        // The mark of GB18030, and a character that GBK doesn't have.
        assert_eq!(
            read(b"\x84\x31\x95\x33a\x95\x32\x82\x36", "gb18030").0,
            "a𠀀"
        );
        assert_eq!(read(b"", "gbk").0, "");
    }

    #[test]
    fn bytes_of_another_encoding_are_known_with_their_place() {
        let (text, bad) = read(b"ab\xffcd\xc4", "utf-8");
        assert_eq!(text, "ab\u{fffd}cd\u{fffd}");
        let places: Vec<u64> = bad.iter().map(|bad| bad.at).collect();
        assert_eq!(places, [2, 7]);
        assert_eq!(bad[0].bytes, b"\xff");
        // What is U+FFFD in the file itself is not bad.
        assert_eq!(read("a\u{fffd}".as_bytes(), "utf-8").1, []);
    }

    #[test]
    fn long_texts_are_cut_nowhere() {
        let text = "库存数量".repeat(50_000);
        let gbk = encoding_rs::GBK.encode(&text).0.into_owned();
        let mut reader = Text::new(
            Box::new(io::Cursor::new(gbk)),
            Encoding::named("gbk").unwrap(),
        );
        let mut all = Vec::new();
        loop {
            let piece = reader.look().unwrap().to_vec();
            if piece.is_empty() {
                break;
            }
            assert!(piece.len() <= PIECE * 3 + 16);
            reader.pass(piece.len());
            all.extend(piece);
        }
        assert_eq!(String::from_utf8(all).unwrap(), text);
    }

    #[test]
    fn only_known_encodings_have_a_name() {
        assert_eq!(Encoding::named("GB2312").unwrap().name(), "GBK");
        assert_eq!(Encoding::named("utf8").unwrap().name(), "UTF-8");
        assert!(Encoding::named("utf-7").is_none());
        for name in Encoding::names() {
            assert!(Encoding::named(name).is_some(), "{name}");
        }
        assert!(Encoding::named("iso-2022-kr").is_none());
    }
}
