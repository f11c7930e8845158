//! QuickJS with its globals confined.

use crate::dates::{self, Spelling};
use crate::flavour::Flavour;
use crate::keys::Keys;
use crate::numbers::Numbers;
use crate::read::{self, Literals, Unreadable};
use crate::spelled::Spelled;
use crate::write::{self, Unwritable, plain_text};
use rquickjs::{
    Context, Ctx, Error, Exception, FromJs, Function, IntoJs, Object, Persistent, Result, Runtime,
    Value,
};

/// What confines the globals, as a function.
const CONFINE: &str = include_str!("realm.js");

/// Stack that a script's calls may take, in the component's memory, which has
/// 1 MiB for it: some 380 calls of functions, 150 with a callback of `map`
/// between each two. QuickJS throws a RangeError beyond.
///
/// The same calls take about four times as much of the host's own stack, of
/// which there are 512 KiB; who needs little of this one and much of that one
/// (`JSON.parse` with a reviver, of a text nested some thousand levels deep)
/// traps there.
const STACK: usize = 96 << 10;

/// Memory after which QuickJS first looks for values that only hold each
/// other; all others are freed at once. Scripts seldom make such values, and
/// looking writes to every page that would otherwise be shared between
/// instances.
const COLLECT_AT: usize = 4 << 20;

/// A QuickJS with its globals confined, for one script.
pub struct Confined {
    context: Context,
    spelled: Spelled,
    /// Taken when it is dropped: QuickJS wants its values back before it goes.
    realm: Option<Kept>,
}

impl Confined {
    /// Makes one, which takes a few milliseconds.
    ///
    /// # Errors
    /// There is no room for it.
    pub fn new(flavour: &Flavour) -> Result<Self> {
        Self::with_modules(flavour, |_| Ok(()))
    }

    /// Makes one in which `modules` are known that the file may import.
    ///
    /// # Errors
    /// There is no room for it, or `modules` failed.
    pub fn with_modules(
        flavour: &Flavour,
        modules: impl FnOnce(&Ctx<'_>) -> Result<()>,
    ) -> Result<Self> {
        let runtime = Runtime::new()?;
        runtime.set_max_stack_size(STACK);
        runtime.set_gc_threshold(COLLECT_AT);
        let context = Context::full(&runtime)?;
        let spelled = Spelled::default();
        let realm = context.with(|ctx| {
            let realm = Realm::confine(&ctx, flavour, &spelled)?.keep(&ctx);
            modules(&ctx)?;
            ctx.run_gc();
            Ok::<_, Error>(realm)
        })?;
        Ok(Self {
            context,
            spelled,
            realm: Some(realm),
        })
    }

    /// How the numbers were written that it reads, where its flavour says so.
    pub fn spelled(&self) -> &Spelled {
        &self.spelled
    }

    /// Works in it.
    pub fn with<T>(&self, work: impl FnOnce(Ctx<'_>) -> T) -> T {
        self.context.with(work)
    }

    /// What the engine uses of it, while it works in it.
    pub fn realm<'js>(&self, ctx: &Ctx<'js>) -> Result<Realm<'js>> {
        match &self.realm {
            Some(realm) => realm.restore(ctx),
            None => Err(Error::Unknown),
        }
    }
}

impl Drop for Confined {
    fn drop(&mut self) {
        let realm = self.realm.take();
        self.context.with(|_| drop(realm));
    }
}

/// What the engine itself uses of the confined globals, safe from the script.
pub struct Realm<'js> {
    /// Functions by name, see the end of `realm.js`.
    helpers: Object<'js>,
    /// What plain objects inherit from.
    plain: Object<'js>,
}

impl<'js> Realm<'js> {
    fn confine(ctx: &Ctx<'js>, flavour: &Flavour, spelled: &Spelled) -> Result<Self> {
        let confine: Function = ctx.eval(CONFINE)?;
        let said = Object::new(ctx.clone())?;
        said.set("who", flavour.who)?;
        said.set("clock", flavour.clock)?;
        said.set("chance", flavour.chance)?;
        said.set("context", flavour.context)?;
        if let Some(log) = flavour.log {
            let write = move |level: String, line: String| log(&level, &line);
            said.set("log", Function::new(ctx.clone(), write)?)?;
        }
        let noted = flavour.spelled.then(|| spelled.clone());
        let read = move |ctx: Ctx<'js>, text, helpers, numbers| {
            read_json(&ctx, &text, helpers, numbers, noted.as_ref())
        };
        if flavour.spelled {
            let spelled = spelled.clone();
            let write = move |value, helpers| write_json(&value, helpers, &spelled);
            said.set("write", Function::new(ctx.clone(), write)?)?;
        }
        let readers = (
            Function::new(ctx.clone(), read)?,
            Function::new(ctx.clone(), spelling)?,
            said,
        );
        let helpers: Object = confine.call(readers)?;
        Self::of(helpers)
    }

    fn of(helpers: Object<'js>) -> Result<Self> {
        let plain = helpers.get("plain")?;
        Ok(Self { helpers, plain })
    }

    /// Shows the context document to the script, frozen.
    pub fn show(&self, context: Value<'js>) -> Result<()> {
        self.call("show", context)
    }

    /// An object of the rows of a table that stays outside: what gives a row's text by
    /// its key, and what gives that of all rows.
    pub fn table(&self, find: Function<'js>, whole: Function<'js>) -> Result<Value<'js>> {
        let helper: Function = self.helpers.get("table")?;
        helper.call((find, whole))
    }

    /// All rows of what [`Realm::table`] made, as a plain object; nothing of another
    /// Proxy.
    pub fn rows(&self, proxy: &Object<'js>) -> Result<Option<Object<'js>>> {
        self.call("rows", proxy.clone())
    }

    /// Says how numbers arrive, for `JSON.parse` in the script.
    pub fn arrive(&self, numbers: Numbers) -> Result<()> {
        self.call("numbers", numbers.flags())
    }

    fn keep(self, ctx: &Ctx<'js>) -> Kept {
        Kept {
            helpers: Persistent::save(ctx, self.helpers),
            plain: Persistent::save(ctx, self.plain),
        }
    }

    /// Whether an object inherits from `Object.prototype` alone.
    pub fn is_plain(&self, prototype: &Object<'js>) -> bool {
        *prototype == self.plain
    }

    /// Text of digits → BigInt.
    pub fn big_int(&self, digits: &str) -> Result<Value<'js>> {
        self.call("toBigInt", digits)
    }

    /// Text of a number → an object that keeps it.
    pub fn decimal(&self, text: &str) -> Result<Value<'js>> {
        self.call("toDecimal", text)
    }

    /// The text that `JSON.rawJSON` was given, if it made the object.
    pub fn raw_json(&self, object: &Object<'js>) -> Result<Option<String>> {
        self.call("rawJSON", object.clone())
    }

    /// What an object is that JSON cannot say; empty if its fields tell.
    pub fn kind(&self, object: &Object<'js>) -> Result<String> {
        self.call("kind", object.clone())
    }

    /// What is in an object around a number, text or boolean; other objects
    /// are given back.
    pub fn unbox(&self, object: &Object<'js>) -> Result<Value<'js>> {
        self.call("unbox", object.clone())
    }

    /// Text with halves of characters → with U+FFFD in their places.
    pub fn well_formed(&self, text: &rquickjs::String<'js>) -> Result<String> {
        self.call("wellFormed", text.clone())
    }

    fn call<T: FromJs<'js>>(&self, name: &str, argument: impl IntoJs<'js>) -> Result<T> {
        let helper: Function = self.helpers.get(name)?;
        helper.call((argument,))
    }
}

/// `JSON.parse`: the reader of items, with its rules for numbers and its bound
/// on nesting.
fn read_json<'js>(
    ctx: &Ctx<'js>,
    text: &rquickjs::String<'js>,
    helpers: Object<'js>,
    numbers: i32,
    noted: Option<&Spelled>,
) -> Result<Value<'js>> {
    let realm = Realm::of(helpers)?;
    let text = plain_text(&realm, text)?;
    let setting = read::Setting {
        ctx,
        realm: &realm,
        numbers: Numbers::from_flags(numbers),
    };
    match read::document(&text, &setting, &mut Keys::default()) {
        Ok((value, literals)) => {
            if let Some(noted) = noted {
                noted.note(&text, &literals);
            }
            Ok(value)
        }
        Err(Unreadable::Js(error)) => Err(error),
        Err(malformed) => Err(Exception::throw_syntax(
            ctx,
            &format!("the text is no JSON: {malformed}"),
        )),
    }
}

/// JSON with numbers as they were written, and quicker than by `JSON.stringify`
/// with its checks. Nothing where JSON cannot say the value: that is left to
/// decide then.
fn write_json<'js>(
    value: &Value<'js>,
    helpers: Object<'js>,
    spelled: &Spelled,
) -> Result<Option<String>> {
    let setting = write::Setting {
        realm: &Realm::of(helpers)?,
        item: "",
        spelled: Some(spelled),
    };
    let (literals, keys) = (&mut Literals::default(), &mut Keys::default());
    match write::json(value, &setting, literals, keys) {
        Ok(written) => Ok(written),
        Err(Unwritable::Js(error)) => Err(error),
        Err(Unwritable::Unspeakable { .. }) => Ok(None),
    }
}

/// What a text is that QuickJS has read as a date, as a number for JavaScript.
fn spelling(text: rquickjs::String<'_>) -> i32 {
    match text.to_string().as_deref().map(dates::spelling) {
        Ok(Spelling::Known) => 0,
        Ok(Spelling::NotInCalendar) => 1,
        // Half of a character is in no date.
        Ok(Spelling::Unknown) | Err(_) => 2,
    }
}

/// A [`Realm`] between calls.
struct Kept {
    helpers: Persistent<Object<'static>>,
    plain: Persistent<Object<'static>>,
}

impl Kept {
    fn restore<'js>(&self, ctx: &Ctx<'js>) -> Result<Realm<'js>> {
        Ok(Realm {
            helpers: self.helpers.clone().restore(ctx)?,
            plain: self.plain.clone().restore(ctx)?,
        })
    }
}
