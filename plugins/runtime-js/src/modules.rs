//! `crossdock` and `crossdock:host`, the only modules there are.

use crate::bytes;
use crate::contract::{Chunk, Digest, KeyError};
use crate::digest;
use crate::give::thrown;
use crate::host;
use crate::place::{Place, Wrong};
use crate::take;
use crossdock_js_engine::lexer::{Kind, Token, tokens};
use rquickjs::module::{Declarations, Exports, ModuleDef};
use rquickjs::{Array, Ctx, Error, Exception, Function, Module, Object, Result, TypedArray, Value};

/// The name of the module with the SDK.
pub const SDK: &str = "crossdock";

/// The name of the module that only the SDK needs.
pub const HOST: &str = "crossdock:host";

/// What adapters import.
const SDK_TEXT: &str = include_str!("../../sdk-js/crossdock.js");

/// The names that the SDK exports: its file ends with the list of them.
pub fn exports() -> impl Iterator<Item = &'static str> {
    let (_, list) = SDK_TEXT.rsplit_once("export {").unwrap_or_default();
    let (list, _) = list.split_once('}').unwrap_or_default();
    list.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

/// The members of an object that the SDK exports; none of anything else.
pub fn members(object: &str) -> Vec<&'static str> {
    let tokens = tokens(SDK_TEXT);
    let word =
        |token: &Token| -> &'static str { SDK_TEXT.get(token.range.clone()).unwrap_or_default() };
    let begin = tokens.windows(4).position(|four| {
        let words: Vec<&str> = four.iter().map(word).collect();
        four[0].depth == 0 && words == ["const", object, "=", "{"]
    });
    let (Some(begin), true) = (begin, exports().any(|name| name == object)) else {
        return Vec::new();
    };
    let inside = tokens.get(begin + 3..).unwrap_or_default();
    let end = inside.iter().skip(1).position(|token| token.depth == 0);
    let inside = inside.get(..end.map_or(0, |end| end + 1));
    let pairs = inside.unwrap_or_default().windows(2);
    let named = pairs.filter(|pair| {
        let begins = ["{", ","].contains(&word(&pair[0]));
        begins && pair[1].depth == 1 && pair[1].kind == Kind::Word
    });
    named.map(|pair| word(&pair[1])).collect()
}

/// Makes both modules known.
///
/// # Errors
/// The SDK does not run.
pub fn declare(ctx: &Ctx<'_>) -> Result<()> {
    Module::declare_def::<Host, _>(ctx.clone(), HOST)?;
    let (_, done) = Module::declare(ctx.clone(), SDK, SDK_TEXT)?.eval()?;
    done.finish()
}

/// What only the host can do, `hash`, `hmac`, the functions of `verify`, and `log`; and what is quicker than
/// in JavaScript: `parse` and `stringify`, hexadecimal, Base64 and UTF-8.
struct Host;

impl ModuleDef for Host {
    fn declare(declarations: &Declarations<'_>) -> Result<()> {
        for name in [
            "hash",
            "hmac",
            "isHash",
            "isHmac",
            "isSecret",
            "log",
            "parse",
            "stringify",
            "hex",
            "base64",
            "utf8",
            "fromUtf8",
        ] {
            declarations.declare(name)?;
        }
        Ok(())
    }

    fn evaluate<'js>(ctx: &Ctx<'js>, exports: &Exports<'js>) -> Result<()> {
        let function = |name: &str, function: Function<'js>| function.with_name(name);
        exports.export("hash", function("hash", Function::new(ctx.clone(), hash)?)?)?;
        exports.export("hmac", function("hmac", Function::new(ctx.clone(), hmac)?)?)?;
        let is_hash = Function::new(ctx.clone(), is_hash)?;
        exports.export("isHash", function("isHash", is_hash)?)?;
        let is_hmac = Function::new(ctx.clone(), is_hmac)?;
        exports.export("isHmac", function("isHmac", is_hmac)?)?;
        let is_secret = Function::new(ctx.clone(), is_secret)?;
        exports.export("isSecret", function("isSecret", is_secret)?)?;
        exports.export("log", function("log", Function::new(ctx.clone(), log)?)?)?;
        let made = Function::new(ctx.clone(), bytes::hex)?;
        exports.export("hex", function("hex", made)?)?;
        let made = Function::new(ctx.clone(), bytes::base64)?;
        exports.export("base64", function("base64", made)?)?;
        let made = Function::new(ctx.clone(), bytes::utf8)?;
        exports.export("utf8", function("utf8", made)?)?;
        let made = Function::new(ctx.clone(), bytes::from_utf8)?;
        exports.export("fromUtf8", function("fromUtf8", made)?)?;
        let json: Object = ctx.globals().get("JSON")?;
        for name in ["parse", "stringify"] {
            exports.export(name, json.get::<_, Function>(name)?)?;
        }
        Ok(())
    }
}

/// `hash(digest, message)`: a Uint8Array.
fn hash<'js>(ctx: Ctx<'js>, alg: Value<'js>, message: Value<'js>) -> Result<TypedArray<'js, u8>> {
    let alg = digest_of(&ctx, &alg)?;
    let message = chunks(&ctx, &message, "hash")?;
    let result = match digest::has_secret(&message) {
        true => host::hash(alg, &message).map_err(|error| refused(&ctx, error))?,
        false => digest::hash(alg, &message),
    };
    TypedArray::new_copy(ctx, result)
}

/// `hmac(digest, key, messages)`: a Uint8Array.
fn hmac<'js>(
    ctx: Ctx<'js>,
    alg: Value<'js>,
    key: Value<'js>,
    messages: Value<'js>,
) -> Result<TypedArray<'js, u8>> {
    let alg = digest_of(&ctx, &alg)?;
    let key = chunks(&ctx, &key, "hmac")?;
    let messages = messages_of(&ctx, &messages)?;
    let with_secret = digest::has_secret(&key) || messages.iter().any(|it| digest::has_secret(it));
    let result = match with_secret {
        true => host::hmac(alg, &key, &messages).map_err(|error| refused(&ctx, error))?,
        false => digest::hmac(alg, &key, &messages),
    };
    TypedArray::new_copy(ctx, result)
}

fn messages_of<'js>(ctx: &Ctx<'js>, messages: &Value<'js>) -> Result<Vec<Vec<Chunk>>> {
    let listed: &Array = messages
        .as_array()
        .filter(|messages| !messages.is_empty())
        .ok_or_else(|| {
            thrown(
                ctx,
                "`hmac` takes an array of messages, each an array of chunks",
            )
        })?;
    (0..listed.len())
        .map(|index| chunks(ctx, &listed.get(index)?, "hmac"))
        .collect()
}

/// `isHash(digest, message, given)`.
fn is_hash<'js>(
    ctx: Ctx<'js>,
    alg: Value<'js>,
    message: Value<'js>,
    given: Value<'js>,
) -> Result<bool> {
    let alg = digest_of(&ctx, &alg)?;
    let message = chunks(&ctx, &message, "hash")?;
    let given = given_bytes(&ctx, &given)?;
    host::verify::hash(alg, &message, &given).map_err(|error| refused(&ctx, error))
}

/// `isHmac(digest, key, messages, given)`.
fn is_hmac<'js>(
    ctx: Ctx<'js>,
    alg: Value<'js>,
    key: Value<'js>,
    messages: Value<'js>,
    given: Value<'js>,
) -> Result<bool> {
    let alg = digest_of(&ctx, &alg)?;
    let key = chunks(&ctx, &key, "hmac")?;
    let messages = messages_of(&ctx, &messages)?;
    let given = given_bytes(&ctx, &given)?;
    host::verify::hmac(alg, &key, &messages, &given).map_err(|error| refused(&ctx, error))
}

/// `isSecret(name, given)`.
fn is_secret<'js>(ctx: Ctx<'js>, name: String, given: Value<'js>) -> Result<bool> {
    let given = given_bytes(&ctx, &given)?;
    host::verify::secret(&name, &given).map_err(|error| refused(&ctx, error))
}

/// What somebody sent: bytes, or text. What was not sent, or is none of its
/// encoding, is nothing, and so is no secret.
fn given_bytes<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> Result<Vec<u8>> {
    if value.is_null() || value.is_undefined() {
        return Ok(Vec::new());
    }
    let given = Array::new(ctx.clone())?;
    given.set(0, value.clone())?;
    match chunks(ctx, given.as_value(), "verify")?.pop() {
        Some(Chunk::Text(text)) => Ok(text.into_bytes()),
        Some(Chunk::Bytes(bytes)) => Ok(bytes),
        _ => Err(thrown(ctx, "what was given is a string or a Uint8Array")),
    }
}

/// `log(level, message)`.
fn log(level: String, message: String) {
    host::log(&level, &message);
}

fn digest_of(ctx: &Ctx<'_>, value: &Value<'_>) -> Result<Digest> {
    let name = value.as_string().and_then(|name| name.to_string().ok());
    match name.as_deref() {
        Some("md5") => Ok(Digest::Md5),
        Some("sha1") => Ok(Digest::Sha1),
        Some("sha256") => Ok(Digest::Sha256),
        Some("sha512") => Ok(Digest::Sha512),
        _ => Err(thrown(
            ctx,
            "the digest is one of \"md5\", \"sha1\", \"sha256\" and \"sha512\"",
        )),
    }
}

fn chunks<'js>(ctx: &Ctx<'js>, value: &Value<'js>, function: &str) -> Result<Vec<Chunk>> {
    take::message(value, &Place::Given(function)).map_err(|wrong| match wrong {
        Wrong::Said(said) => thrown(ctx, &said),
        Wrong::Js(Error::Utf8(_)) => {
            thrown(ctx, "a text of the message has half a character in it")
        }
        Wrong::Js(error) => error,
    })
}

/// Why the host gave no result: a secret that is not set is the settings'
/// fault, anything else the adapter's own.
fn refused(ctx: &Ctx<'_>, error: KeyError) -> Error {
    match error {
        KeyError::NotPermitted => thrown(
            ctx,
            "secrets can be used in `sign` and `receive` only; what `map` returns is signed there, and `verify` belongs to `receive`",
        ),
        KeyError::Other(said) => thrown(ctx, &said),
        KeyError::NotFound(said) => match not_set(ctx, &said) {
            Ok(error) | Err(error) => error,
        },
    }
}

/// Throws a fault: `invalidSettings`.
fn not_set(ctx: &Ctx<'_>, said: &str) -> Result<Error> {
    let detail = Object::new(ctx.clone())?;
    detail.set("pointer", "")?;
    detail.set("message", said)?;
    let error = Exception::from_message(ctx.clone(), said)?.into_object();
    error.set("invalidSettings", detail)?;
    Ok(ctx.throw(error.into_value()))
}
