//! QuickJS with its globals confined.

use rquickjs::{
    Context, Ctx, FromJs, Function, IntoJs, Object, Persistent, Result, Runtime, Value,
};

/// What confines the globals, as a function.
const CONFINE: &str = include_str!("realm.js");

/// Stack that a script's calls may take, in the component's memory, which has
/// 1 MiB for it. QuickJS throws a RangeError beyond; the host's own stack, of
/// which the same calls take about as much, reaches further.
const STACK: usize = 192 << 10;

/// A QuickJS of one script's own.
pub fn new() -> Result<Context> {
    let runtime = Runtime::new()?;
    runtime.set_max_stack_size(STACK);
    Context::full(&runtime)
}

/// What the engine itself uses of the confined globals, safe from the script.
pub struct Realm<'js> {
    /// Functions by name, see the end of `realm.js`.
    helpers: Object<'js>,
    /// What plain objects inherit from.
    plain: Object<'js>,
}

impl<'js> Realm<'js> {
    /// Confines the globals.
    pub fn confine(ctx: &Ctx<'js>) -> Result<Self> {
        let confine: Function = ctx.eval(CONFINE)?;
        let helpers: Object = confine.call(())?;
        let plain = helpers.get("plain")?;
        Ok(Self { helpers, plain })
    }

    /// Shows the context document to the script and freezes everything that
    /// can be reached.
    pub fn close(&self, context: Value<'js>) -> Result<()> {
        self.call("close", context)
    }

    /// Keeps it until the next call.
    pub fn keep(self, ctx: &Ctx<'js>) -> Kept {
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

/// A [`Realm`] between calls.
pub struct Kept {
    helpers: Persistent<Object<'static>>,
    plain: Persistent<Object<'static>>,
}

impl Kept {
    /// Takes it up again.
    pub fn restore<'js>(&self, ctx: &Ctx<'js>) -> Result<Realm<'js>> {
        Ok(Realm {
            helpers: self.helpers.clone().restore(ctx)?,
            plain: self.plain.clone().restore(ctx)?,
        })
    }
}
