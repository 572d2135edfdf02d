//! What a syntax tree reads, and what in it cannot be: names that are not there, functions that are not, loops too
//! deep.

use cel::{
    IdedExpr,
    common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, operators},
};

use super::{
    bounds::{DEPTH, LOOPS},
    constants,
    error::ExpressionError,
    language::{self, Function},
    scope::{Root, Selector},
    syntax::{Places, Syntax, hint},
};

/// The names that are there.
const ROOTS: [&str; 6] = ["input", "steps", "item", "index", "previous", "as_of"];

/// One part of an access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// A key or an element that the text names.
    Selector(Selector),
    /// Some element of a list: of a loop, or by an index that is computed.
    Any,
}

/// What is read, with the character of each of its parts. Also through the variable of a loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Access {
    pub(super) root: Root,
    pub(super) position: usize,
    pub(super) parts: Vec<(Part, usize)>,
    /// Whether it begins with the root's name, not with the variable of a loop.
    pub(super) direct: bool,
}

/// What a tree reads, in the order of the text. The whole tree is checked.
pub(super) fn find(text: &str, syntax: &Syntax) -> Result<Vec<Access>, ExpressionError> {
    let mut walk =
        Walk { text, places: &syntax.places, variables: Vec::new(), loops: 0, depth: 0, found: Vec::new() };
    let place = walk.visit(&syntax.tree)?;
    walk.record(place)?;
    let mut found: Vec<Access> = Vec::new();
    for access in walk.found {
        // What a macro repeats is read once.
        if !found.contains(&access) {
            found.push(access);
        }
    }
    found.sort_by_key(|access| access.position);
    Ok(found)
}

/// What a part of a tree stands for, as far as it is known.
enum Place {
    Steps(usize),
    Step { name: String, position: usize },
    At(Access),
}

struct Walk<'a> {
    text: &'a str,
    places: &'a Places,
    /// The variables of the loops around, and what each is an element of.
    variables: Vec<(String, Option<Access>)>,
    loops: usize,
    depth: usize,
    found: Vec<Access>,
}

type Visited = Result<Option<Place>, ExpressionError>;

impl Walk<'_> {
    fn error(&self, position: usize, message: impl Into<String>) -> ExpressionError {
        ExpressionError::at(self.text, position, message)
    }

    /// Visit a part. What it stands for is not recorded yet, since more may be selected from it.
    fn visit(&mut self, node: &IdedExpr) -> Visited {
        self.depth += 1;
        if self.depth > DEPTH {
            let message = format!("more than {DEPTH} operations within each other");
            return Err(self.error(self.places.of(node.id), message));
        }
        let place = match &node.expr {
            Expr::Ident(name) => self.name(name, self.places.of(node.id)),
            Expr::Select(select) => {
                if is_type_name(&node.expr) && !self.is_variable("google") {
                    return self.leave(Ok(None));
                }
                let place = self.visit(&select.operand)?;
                let at = self.places.selected(node.id);
                let at = if select.test { self.tested(node, &select.field) } else { at };
                self.select(place, Selector::Key(select.field.clone()), at)
            }
            Expr::Call(call) => self.call(node, call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::List(list) => self.all(list.elements.iter()),
            Expr::Map(map) => self.all(map.entries.iter().flat_map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
                EntryExpr::StructField(field) => vec![&field.value],
            })),
            Expr::Struct(message) => {
                let text = format!(
                    "there is no type {:?} to make; an object is written {{\"key\": value}}",
                    message.type_name
                );
                Err(self.error(self.places.of(node.id), text))
            }
            Expr::Literal(_) => Ok(None),
            Expr::Unspecified => Err(self.error(self.places.of(node.id), "expected a value")),
        };
        self.leave(place)
    }

    fn leave(&mut self, place: Visited) -> Visited {
        self.depth -= 1;
        place
    }

    fn record(&mut self, place: Option<Place>) -> Result<(), ExpressionError> {
        match place {
            Some(Place::At(access)) => self.found.push(access),
            Some(Place::Steps(position)) => {
                return Err(self.error(position, "expected steps.NAME.output or steps.NAME.state"));
            }
            Some(Place::Step { name, position }) => {
                return Err(
                    self.error(position, format!("expected steps.{name}.output or steps.{name}.state"))
                );
            }
            None => {}
        }
        Ok(())
    }

    fn all<'e>(&mut self, nodes: impl Iterator<Item = &'e IdedExpr>) -> Visited {
        for node in nodes {
            let place = self.visit(node)?;
            self.record(place)?;
        }
        Ok(None)
    }

    fn is_variable(&self, name: &str) -> bool {
        self.variables.iter().any(|(variable, _)| variable == name)
    }

    fn name(&mut self, name: &str, position: usize) -> Visited {
        if let Some((_, element)) = self.variables.iter().rev().find(|(variable, _)| variable == name) {
            return Ok(element.clone().map(Place::At));
        }
        // A leading dot says that no variable is meant.
        let root = match name.strip_prefix('.').unwrap_or(name) {
            "steps" => return Ok(Some(Place::Steps(position))),
            "input" => Root::Input,
            "item" => Root::Item,
            "index" => Root::Index,
            "previous" => Root::Previous,
            "as_of" => Root::AsOf,
            name if language::is_type(name) => return Ok(None),
            name => {
                let hint =
                    hint(name, ROOTS.into_iter().chain(self.variables.iter().map(|(v, _)| v.as_str())));
                let message = format!("{name:?} is not known; there are {}{hint}", ROOTS.join(", "));
                return Err(self.error(position, message));
            }
        };
        Ok(Some(Place::At(Access { root, position, parts: Vec::new(), direct: true })))
    }

    fn select(&mut self, place: Option<Place>, selector: Selector, at: usize) -> Visited {
        Ok(match (place, selector) {
            (None, _) => None,
            (Some(Place::Steps(position)), Selector::Key(name)) => Some(Place::Step { name, position }),
            (Some(Place::Step { name, position }), Selector::Key(part)) => {
                let root = match part.as_str() {
                    "output" => Root::Output(name),
                    "state" => Root::Step(name),
                    _ => {
                        let message = format!(
                            "a step has no {part:?}; expected steps.{name}.output or steps.{name}.state"
                        );
                        return Err(self.error(at, message));
                    }
                };
                Some(Place::At(Access { root, position, parts: Vec::new(), direct: true }))
            }
            (place @ Some(Place::Steps(_) | Place::Step { .. }), Selector::Index(_)) => {
                self.record(place)?;
                None
            }
            (Some(Place::At(mut access)), selector) => {
                let part = match (access.direct, selector) {
                    // What a filter leaves has other indices than the list.
                    (false, Selector::Index(_)) => Part::Any,
                    (_, selector) => Part::Selector(selector),
                };
                access.parts.push((part, at));
                Some(Place::At(access))
            }
        })
    }

    /// The character of the key that `has(…)` tests: the macro's node is where the call is.
    fn tested(&self, node: &IdedExpr, field: &str) -> usize {
        let start = self.places.of(node.id);
        let after: Vec<char> = self.text.chars().skip(start).collect();
        let key: Vec<char> = field.chars().collect();
        let mut depth = 0usize;
        let mut last = start;
        for (i, c) in after.iter().enumerate() {
            match c {
                '(' | '[' => depth += 1,
                ')' if depth == 0 => break,
                ')' | ']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0
                && after[i..].starts_with(&key)
                && after.get(i + key.len()).is_none_or(|c| !c.is_alphanumeric())
            {
                last = start + i + 1;
            }
        }
        last
    }

    fn call(&mut self, node: &IdedExpr, call: &CallExpr) -> Visited {
        let name = call.func_name.as_str();
        match (name, call.args.as_slice()) {
            (operators::INDEX | operators::OPT_INDEX | operators::OPT_SELECT, [value, index]) => {
                let place = self.visit(value)?;
                let at = self.places.selected(node.id);
                if let Some(selector) = selector(index) {
                    return self.select(place, selector, at);
                }
                let computed = self.visit(index)?;
                self.record(computed)?;
                return Ok(match place {
                    Some(Place::At(mut access)) => {
                        access.parts.push((Part::Any, at));
                        Some(Place::At(access))
                    }
                    place => {
                        self.record(place)?;
                        None
                    }
                });
            }
            _ if is_operator(name) => return self.all(call.args.iter()),
            _ => {}
        }
        let namespaced = namespaced(call);
        let (function, member) = match (&namespaced, &call.target) {
            (Some(function), _) => (Some(*function), false),
            (None, Some(_)) => (language::function(name, true), true),
            (None, None) => (language::function(name.strip_prefix('.').unwrap_or(name), false), false),
        };
        let Some(function) = function else {
            // A name that is none and no variable is meant as a namespace: `math.cell(x)`.
            let full = match call.target.as_ref().map(|target| &target.expr) {
                Some(Expr::Ident(space)) if !self.is_variable(space) && !ROOTS.contains(&space.as_str()) => {
                    format!("{space}.{name}")
                }
                _ => name.to_owned(),
            };
            let member = member && full == name;
            return Err(self.error(self.places.name(node.id), language::no_function(&full, member)));
        };
        if !function.arguments.contains(&call.args.len()) {
            let (least, most) = (function.arguments.start(), function.arguments.end());
            let expected = if least == most { least.to_string() } else { format!("{least} to {most}") };
            let message =
                format!("{:?} takes {expected} arguments, here are {}", function.name, call.args.len());
            return Err(self.error(self.places.name(node.id), message));
        }
        if let Some((constant, problem)) = constants::wrong(function, call) {
            return Err(self.error(self.places.of(constant.id), problem));
        }
        let target = if namespaced.is_some() { None } else { call.target.as_deref() };
        self.all(target.into_iter().chain(&call.args))
    }

    fn comprehension(&mut self, comprehension: &ComprehensionExpr) -> Visited {
        let range = self.visit(&comprehension.iter_range)?;
        let element = match &range {
            Some(Place::At(access)) => {
                let mut element = Access { direct: false, ..access.clone() };
                let at = access.parts.last().map_or(access.position, |(_, at)| *at);
                element.parts.push((Part::Any, at));
                Some(element)
            }
            _ => None,
        };
        self.record(range)?;
        // A loop over nothing is how the parser binds a name to a value.
        let binds = matches!(&comprehension.iter_range.expr, Expr::List(list) if list.elements.is_empty());
        let start = self.visit(&comprehension.accu_init)?;
        let bound = match &start {
            Some(Place::At(access)) if binds => Some(Access { direct: false, ..access.clone() }),
            _ => None,
        };
        self.record(start)?;
        self.loops += usize::from(!binds);
        if self.loops > LOOPS {
            let message = format!("more than {LOOPS} loops (all, exists, filter, map, …) within each other");
            return Err(self.error(self.places.name(comprehension.loop_step.id), message));
        }
        let known = self.variables.len();
        self.variables.push((comprehension.accu_var.clone(), bound));
        self.all([&comprehension.result].into_iter())?;
        self.variables.push((comprehension.iter_var.clone(), element.clone()));
        self.all([&comprehension.loop_cond, &comprehension.loop_step].into_iter())?;
        self.variables.truncate(known);
        self.loops -= usize::from(!binds);
        // Elements of what a filter leaves are elements of the list.
        let mut list = element.filter(|_| is_filter(comprehension));
        if let Some(list) = &mut list {
            list.parts.pop();
        }
        Ok(list.map(Place::At))
    }
}

/// The function that a call names with its namespace, as in `math.ceil(x)`.
pub(super) fn namespaced(call: &CallExpr) -> Option<&'static Function> {
    match call.target.as_ref().map(|target| &target.expr) {
        Some(Expr::Ident(space)) => language::function(
            &format!("{}.{}", space.strip_prefix('.').unwrap_or(space), call.func_name),
            false,
        ),
        _ => None,
    }
}

/// Whether a call's name is that of an operator, or of something else that nobody can write.
pub(super) fn is_operator(name: &str) -> bool {
    let written = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    !name.chars().all(written) && !name.starts_with("@sort") && !name.starts_with("math.@")
}

/// The selector that an index is, if the text says it.
pub(super) fn selector(index: &IdedExpr) -> Option<Selector> {
    match &index.expr {
        Expr::Literal(LiteralValue::String(key)) => Some(Selector::Key(key.inner().to_owned())),
        Expr::Literal(LiteralValue::Int(index)) => usize::try_from(*index.inner()).ok().map(Selector::Index),
        Expr::Literal(LiteralValue::UInt(index)) => usize::try_from(*index.inner()).ok().map(Selector::Index),
        _ => None,
    }
}

/// Whether it is the name of a type with a namespace: `google.protobuf.Timestamp`.
pub(super) fn is_type_name(expr: &Expr) -> bool {
    fn name(expr: &Expr) -> Option<String> {
        match expr {
            Expr::Ident(name) if name == "google" => Some(name.clone()),
            Expr::Select(select) if !select.test => {
                Some(format!("{}.{}", name(&select.operand.expr)?, select.field))
            }
            _ => None,
        }
    }
    name(expr).is_some_and(|name| language::is_type(&name))
}

/// Whether a loop leaves some elements as they are: its step appends the variable itself.
fn is_filter(comprehension: &ComprehensionExpr) -> bool {
    let Expr::Call(call) = &comprehension.loop_step.expr else { return false };
    let [_, append, _] = call.args.as_slice() else { return false };
    let Expr::Call(append) = &append.expr else { return false };
    append.func_name == operators::ADD
        && matches!(append.args.get(1).map(|list| &list.expr), Some(Expr::List(list))
            if matches!(list.elements.as_slice(), [IdedExpr { expr: Expr::Ident(name), .. }] if *name == comprehension.iter_var))
}
