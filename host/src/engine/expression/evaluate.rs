//! Evaluating a program over documents.

use std::{
    collections::{BTreeMap, HashMap},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
};

use cel::{
    Context, ExecutionError, FunctionContext,
    common::{
        types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelString},
        value::{CowVal, Val},
    },
};

use super::{
    constants,
    document::{Value, Wanted},
    instrument::{AT, HOLD, KEY, OPERAND, Program, RANGE, READ, RESULT, Site, SiteKind},
    language::{self, Cost},
    meter::{Meter, refused},
    output,
    patterns::Patterns,
    scope::{Reference, Root, Scope},
};

/// What went wrong, at a character from 1.
pub(super) type Fault = (usize, String);

/// Evaluate to JSON text. `None` is an optional without a value.
pub(super) fn evaluate(
    program: &Arc<Program>,
    references: &[Reference],
    scope: &Scope,
) -> Result<Option<String>, Fault> {
    // A panic of the evaluator is its mistake, not the host's end.
    catch_unwind(AssertUnwindSafe(|| run(program, references, scope)))
        .unwrap_or_else(|_| Err((1, "the evaluator failed on this; write it in another way".to_owned())))
}

fn run(program: &Arc<Program>, references: &[Reference], scope: &Scope) -> Result<Option<String>, Fault> {
    let meter = Arc::new(Meter::default());
    let mut context = Context::with_env(Arc::clone(language::environment()));
    for (name, value) in variables(references, scope, &meter)? {
        context.add_variable_as_val(name, value);
    }
    functions(&mut context, &meter, program).map_err(|error| (1, error.to_string()))?;
    let written = Arc::new(Mutex::new(None));
    result(&mut context, &written).map_err(|error| (1, error.to_string()))?;
    // This one entry to the evaluator is compiled with the crate. Those that are inlined take fifty times the stack in a
    // build without optimisation.
    let result = cel::Value::resolve(&program.tree, &context);
    // Even if the evaluator made something of it: a bound that is broken is no value among others.
    if let Some(broken) = meter.broken() {
        return Err((position(program, &meter), broken));
    }
    match result {
        Ok(_) => {
            let written = written.lock().unwrap_or_else(PoisonError::into_inner).take();
            written
                .unwrap_or_else(|| Err("the evaluator came to no end".to_owned()))
                .map_err(|message| (1, message))
        }
        Err(error) => Err(super::fault::explain(&error, &program.sites, meter.site())),
    }
}

/// The value of the whole as JSON text, or why it has none.
type Written = Arc<Mutex<Option<Result<Option<String>, String>>>>;

/// Let the program hand over its value, which the evaluator would otherwise copy.
fn result(context: &mut Context, written: &Written) -> Result<(), cel::DeclarationError> {
    let written = Arc::clone(written);
    let write: Function = Box::new(move |call| {
        let (_, value) = operand(call)?;
        *written.lock().unwrap_or_else(PoisonError::into_inner) = Some(output::write(value.as_ref()));
        Ok(CowVal::owned(CelBool::from(true)))
    });
    context.add_function::<Function, _>(RESULT, write)
}

fn position(program: &Program, meter: &Meter) -> usize {
    program.sites.get(meter.site()).map_or(1, |site| site.position)
}

/// The variables by name.
pub(super) fn variables<'v>(
    references: &[Reference],
    scope: &'v Scope,
    meter: &Meter,
) -> Result<Vec<(&'static str, Value<'v>)>, Fault> {
    let mut wanted: BTreeMap<&Root, (usize, Wanted)> = BTreeMap::new();
    for reference in references {
        let (_, wanted) = wanted.entry(&reference.root).or_insert((reference.position, Wanted::default()));
        wanted.add(&reference.path);
    }
    let mut read = 0;
    let mut values = Vec::new();
    let mut steps: BTreeMap<&str, HashMap<CelMapKey<'v>, Value<'v>>> = BTreeMap::new();
    for (root, (position, wanted)) in wanted {
        let fault = |message: String| (position, message);
        if let Root::Output(step) | Root::Step(step) = root {
            steps.entry(step).or_default();
        }
        let Some(json) = scope.get(root) else {
            match root {
                // What a step that was skipped does not have can be asked for with has(…).
                Root::Output(_) | Root::Step(_) => continue,
                _ => return Err(fault(format!("there is no {root} here"))),
            }
        };
        let value =
            wanted.read(json, meter, &mut read).map_err(|e| fault(format!("{root} cannot be read: {e}")))?;
        let name = match root {
            Root::Output(step) | Root::Step(step) => {
                let part = if matches!(root, Root::Output(_)) { "output" } else { "state" };
                steps.entry(step).or_default().insert(CelMapKey::String(part.into()), value);
                continue;
            }
            Root::Input => "input",
            Root::Item => "item",
            Root::Index => "index",
            Root::Previous => "previous",
            Root::AsOf => {
                let value = timestamp(value).map_err(|error| fault(format!("as_of is no time: {error}")))?;
                values.push(("as_of", value));
                continue;
            }
        };
        values.push((name, value));
    }
    let steps = steps.into_iter().map(|(name, parts)| {
        let parts: Value<'v> = Box::new(CelMap::from(parts));
        (CelMapKey::String(CelString::from(name.to_owned())), parts)
    });
    values.push(("steps", Box::new(CelMap::from(steps.collect::<HashMap<_, _>>()))));
    Ok(values)
}

fn timestamp(value: Value<'_>) -> Result<Value<'_>, ExecutionError> {
    let arguments = vec![CowVal::Owned(value)];
    match language::environment().find_overload("timestamp", &arguments) {
        Some(convert) => convert(arguments).map(CowVal::into_owned),
        None => Err(refused("expected a text in RFC 3339")),
    }
}

/// A function of the context.
type Function = Box<
    dyn for<'c, 'k> Fn(&mut FunctionContext<'c, 'k>) -> Result<CowVal<'c, 'k>, ExecutionError> + Send + Sync,
>;

/// What is done when an operand of an operation is there.
type Act = fn(&Meter, usize, &[Site], &dyn Val) -> Result<(), ExecutionError>;

/// Let the program call the meter.
fn functions(
    context: &mut Context,
    meter: &Arc<Meter>,
    program: &Arc<Program>,
) -> Result<(), cel::DeclarationError> {
    let mut add = |name: &str, function: Function| context.add_function::<Function, _>(name, function);
    let metered = |act: Act| -> Function {
        let (meter, program) = (Arc::clone(meter), Arc::clone(program));
        Box::new(move |call| {
            let (site, value) = operand(call)?;
            meter.at(site);
            act(&meter, site, &program.sites, value.as_ref())?;
            Ok(value)
        })
    };
    add(AT, metered(|meter, _, _, _| meter.charge(1, 0)))?;
    add(READ, metered(|meter, _, _, value| meter.read(value)))?;
    add(
        HOLD,
        metered(|meter, site, sites, value| match sites.get(site) {
            Some(Site { kind: SiteKind::Add, .. }) if value.downcast_ref::<CelMap>().is_some() => {
                Err(refused("`+` does not go with an object"))
            }
            Some(Site { kind: SiteKind::Add, .. }) => meter.add(value),
            _ => meter.hold(value),
        }),
    )?;
    add(
        KEY,
        metered(|meter, _, _, value| match value.downcast_ref::<CelDouble>() {
            Some(number) if number.inner().fract() != 0.0 => Err(refused("an index is a whole number")),
            _ => meter.read(value),
        }),
    )?;
    let (of_range, of_operand) = (Arc::clone(meter), Arc::clone(meter));
    add(
        RANGE,
        Box::new(move |call| {
            let (site, value) = operand(call)?;
            of_range.at(site);
            range(&of_range, number(call, 1), value)
        }),
    )?;
    let program = Arc::clone(program);
    add(
        OPERAND,
        Box::new(move |call| {
            let (site, value) = operand(call)?;
            of_operand.at(site);
            let function = match program.sites.get(site).map(|site| &site.kind) {
                Some(SiteKind::Call(function)) => *function,
                _ => None,
            };
            if function.is_some_and(|function| function.name == "duration")
                && let Some(text) = value.downcast_ref::<CelString>()
            {
                constants::duration(text.inner()).map_err(refused)?;
            }
            let cost = function.map_or(Cost::Linear, |function| function.cost);
            let place = number(call, 1);
            of_operand.operand(site, cost, (place / 2, place % 2 == 1), value.as_ref())?;
            Ok(value)
        }),
    )?;
    let (patterns, meter) = (Patterns::default(), Arc::clone(meter));
    add(
        "matches",
        Box::new(move |call| {
            let mut texts = call.this.iter().chain(&call.args).map(|value| value.downcast_ref::<CelString>());
            match (texts.next().flatten(), texts.next().flatten()) {
                (Some(text), Some(pattern)) => {
                    let found = patterns.matches(&meter, pattern.inner(), text.inner())?;
                    Ok(CowVal::owned(CelBool::from(found)))
                }
                _ => Err(refused("matches is given a text and a pattern")),
            }
        }),
    )
}

/// The operation and the operand that a call of one of the meter's functions is given.
fn operand<'c, 'k>(call: &mut FunctionContext<'c, 'k>) -> Result<(usize, CowVal<'c, 'k>), ExecutionError> {
    let value = call.args.pop().ok_or_else(|| refused("no operand"))?;
    Ok((number(call, 0), value))
}

fn number(call: &FunctionContext, place: usize) -> usize {
    let number = call.args.get(place).and_then(|value| value.downcast_ref::<CelInt>());
    number.map_or(0, |number| usize::try_from(*number.inner()).unwrap_or(0))
}

/// What a loop goes over. Of a map it is the keys, in their order: the crate's would be another each time.
fn range<'c, 'k>(
    meter: &Meter,
    weight: usize,
    value: CowVal<'c, 'k>,
) -> Result<CowVal<'c, 'k>, ExecutionError> {
    meter.read(value.as_ref())?;
    let Some(map) = value.downcast_ref::<CelMap>() else {
        let length = value.downcast_ref::<CelList>().map_or(0, |list| list.inner().len());
        meter.charge((length as u64).saturating_mul(weight as u64), 0)?;
        return Ok(value);
    };
    meter.charge((map.inner().len() as u64).saturating_mul(weight as u64), 0)?;
    let mut keys: Vec<CelMapKey<'k>> = map.inner().keys().cloned().collect();
    keys.sort_unstable();
    let keys: Vec<Value<'k>> = keys.iter().map(|key| key.inner().clone_as_boxed()).collect();
    Ok(CowVal::owned(CelList::from(keys)))
}
