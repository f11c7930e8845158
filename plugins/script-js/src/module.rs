//! A script's file → a function that runs it anew.
//!
//! A module runs once, so what it keeps in its variables would be seen by the
//! next item. Therefore the text becomes the body of a function: `export` gives
//! way to spaces and `export default` to an assignment, byte for byte, so that
//! every place in it stays where it is.

use crate::Diagnostic;
use crossdock_js_engine::Numbers;
use crossdock_js_engine::lexer::{Kind, Token, tokens};

/// A script as a function.
#[derive(Debug)]
pub struct Factory {
    /// An expression: a function that runs the script and gives what it
    /// exports as default.
    pub text: String,
    /// Lines of `text` before the script's first.
    pub lines_before: u32,
    /// How numbers arrive.
    pub numbers: Numbers,
}

/// Names for what is exported as default: as long as `default` with its sign.
/// A script that uses all of them is not understood.
const NAMES: [&str; 4] = ["$main", "_main", "$then", "_then"];

/// Turns a script that compiles as a module into a function.
///
/// # Errors
/// What in it is not available, or that it exports no default.
pub fn factory(source: &str) -> Result<Factory, Diagnostic> {
    let name = NAMES
        .into_iter()
        .find(|name| !source.contains(name))
        .ok_or_else(|| Diagnostic::unplaced(format!("rename one of {}", NAMES.join(", "))))?;
    let tokens = tokens(source);
    let mut script = Script {
        source,
        text: source.as_bytes().to_vec(),
        main: None,
        numbers: Numbers::default(),
    };
    for (position, token) in tokens.iter().enumerate() {
        let next = &tokens[position + 1..];
        match (token.kind, token.depth, script.word(token)) {
            (Kind::Word, 0, "export") => script.export(name, token, next)?,
            (Kind::Word, 0, "import") => {
                return Err(script.refuse(
                    token,
                    "`import` is not available; one file holds the whole script",
                ));
            }
            (Kind::Word, 0, "await") => {
                return Err(
                    script.refuse(token, "`await` is not available: a script answers at once")
                );
            }
            (Kind::Sign, _, "=>") => script.block_like_an_object(next)?,
            _ => {}
        }
    }
    let Some(main) = script.main else {
        return Err(Diagnostic::unplaced(
            "the script exports no function; write `export default item => …`",
        ));
    };
    // A hashbang is only one at the very beginning.
    if source.starts_with("#!") {
        script.text[..2].copy_from_slice(b"//");
    }
    let text = String::from_utf8(script.text)
        .map_err(|_| Diagnostic::unplaced("the script is no UTF-8 text"))?;
    Ok(Factory {
        text: format!("(function () {{ 'use strict'; let {name};\n{text}\n;return {main}; }})"),
        lines_before: 1,
        numbers: script.numbers,
    })
}

struct Script<'a> {
    source: &'a str,
    /// The script's text as a function's body.
    text: Vec<u8>,
    /// The name of what is exported as default.
    main: Option<String>,
    numbers: Numbers,
}

impl Script<'_> {
    fn word(&self, token: &Token) -> &str {
        &self.source[token.range.clone()]
    }

    fn refuse(&self, token: &Token, message: &str) -> Diagnostic {
        Diagnostic::at(self.source, token.range.start, message)
    }

    /// Writes a shorter text over a token.
    fn overwrite(&mut self, token: &Token, text: &str) {
        let place = &mut self.text[token.range.clone()];
        place.fill(b' ');
        place[..text.len()].copy_from_slice(text.as_bytes());
    }

    fn export(&mut self, name: &str, export: &Token, next: &[Token]) -> Result<(), Diagnostic> {
        self.overwrite(export, "");
        let words: Vec<&str> = next.iter().take(4).map(|token| self.word(token)).collect();
        match words.as_slice() {
            ["default", rest @ ..] => match declared(rest).map(str::to_owned) {
                // A declaration stays one: other functions may call it.
                Some(declared) => {
                    self.overwrite(&next[0], "");
                    self.main = Some(declared);
                }
                None => {
                    self.overwrite(export, name);
                    self.overwrite(&next[0], "=");
                    self.main = Some(name.to_owned());
                }
            },
            ["{" | "*", ..] => {
                return Err(self.refuse(
                    export,
                    "only declarations are exported; write `export default item => …`",
                ));
            }
            ["const", "integers", "=", value] => {
                self.numbers.integers_as_text = self.choice(&next[3], value, "bigint")?;
            }
            ["const", "decimals", "=", value] => {
                self.numbers.decimals_as_text = self.choice(&next[3], value, "number")?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether a setting is `"string"` and not what it is otherwise.
    fn choice(&self, token: &Token, value: &str, otherwise: &str) -> Result<bool, Diagnostic> {
        match value.trim_matches(['"', '\'']) {
            "string" => Ok(true),
            other if other == otherwise => Ok(false),
            _ => Err(self.refuse(
                token,
                &format!("this setting is either \"{otherwise}\" or \"string\""),
            )),
        }
    }

    /// `=> { name: …` is a block with a label, which gives nothing; meant is an
    /// object, in brackets.
    fn block_like_an_object(&self, next: &[Token]) -> Result<(), Diagnostic> {
        let [brace, label, colon, statement, ..] = next else {
            return Ok(());
        };
        let labels = ["for", "while", "do", "switch", "{"];
        if self.word(brace) == "{"
            && label.kind == Kind::Word
            && self.word(colon) == ":"
            && !labels.contains(&self.word(statement))
        {
            return Err(self.refuse(
                brace,
                "`=> {` begins a block, which gives nothing; an object is written `=> ({ … })`",
            ));
        }
        Ok(())
    }
}

/// The name that a declaration after `export default` gives itself.
fn declared<'a>(words: &[&'a str]) -> Option<&'a str> {
    let name = match words {
        ["async", "function", "*", name, ..] => name,
        ["async", "function", name, ..] => name,
        ["function", "*", name, ..] => name,
        ["function" | "class", name, ..] => name,
        _ => return None,
    };
    let named = name.starts_with(|first: char| first.is_alphabetic() || "_$\\".contains(first));
    (named && *name != "extends").then_some(name)
}
