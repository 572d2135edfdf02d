//! The tree as it is evaluated: each operation tells the meter what it is about to do.
//!
//! An operation's last operand, the last to be evaluated before the operation happens, is wrapped in a call that notes
//! the operation; so when an evaluation fails, it is known where. Operands that the operation will look through or copy
//! are counted by the same call. The shapes that the evaluator treats specially (the steps of loops) stay as they are.

use cel::{
    IdedExpr,
    common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, operators},
};

use super::{
    language::{self, Function},
    references::{is_operator, is_type_name, namespaced},
    syntax::{Places, Syntax},
};

/// Notes the operation.
pub(super) const AT: &str = "@at";
/// Notes the operation, which will look through its operand.
pub(super) const READ: &str = "@read";
/// Notes the operation, which will copy its operand.
pub(super) const HOLD: &str = "@hold";
/// Notes the operation, which selects by its operand.
pub(super) const KEY: &str = "@key";
/// Notes the loop, whose elements the operand has.
pub(super) const RANGE: &str = "@range";
/// Notes the call, and one of its operands.
pub(super) const OPERAND: &str = "@operand";

/// Takes the value of the whole.
pub(super) const RESULT: &str = "@result_text";

/// An operation.
#[derive(Debug, Clone)]
pub(super) struct Site {
    /// The character at which it is.
    pub(super) position: usize,
    pub(super) kind: SiteKind,
}

/// What an operation is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SiteKind {
    /// The selection of a key that the text names.
    Key(String),
    /// The selection of a key or element by a value.
    Index,
    /// `+`, where a list and a map do not go together: the map's order would be anyone's guess.
    Add,
    /// A loop.
    Loop,
    /// A call.
    Call(Option<&'static Function>),
    /// Any other.
    Other,
}

/// A tree, ready to be evaluated.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) tree: IdedExpr,
    pub(super) sites: Vec<Site>,
}

/// Make a tree ready.
pub(super) fn instrument(syntax: Syntax) -> Program {
    let mut work = Instrument { places: &syntax.places, sites: Vec::new() };
    let tree = work.node(syntax.tree);
    let whole = work.site(1, SiteKind::Other);
    Program { tree: wrap(RESULT, whole, None, tree), sites: work.sites }
}

struct Instrument<'a> {
    places: &'a Places,
    sites: Vec<Site>,
}

impl Instrument<'_> {
    fn site(&mut self, position: usize, kind: SiteKind) -> usize {
        self.sites.push(Site { position, kind });
        self.sites.len() - 1
    }

    fn node(&mut self, node: IdedExpr) -> IdedExpr {
        let id = node.id;
        let expr = match node.expr {
            // The name of a type is looked up whole.
            other @ Expr::Select(_) if is_type_name(&other) => other,
            Expr::Select(mut select) => {
                let site = self.site(self.places.selected(id), SiteKind::Key(select.field.clone()));
                let operand = self.node(*select.operand);
                select.operand = Box::new(wrap(AT, site, None, operand));
                Expr::Select(select)
            }
            Expr::List(mut list) => {
                let site = self.site(self.places.of(id), SiteKind::Other);
                list.elements = self.held(site, list.elements);
                Expr::List(list)
            }
            Expr::Map(mut map) => {
                for entry in &mut map.entries {
                    let site = self.site(self.places.of(entry.id), SiteKind::Other);
                    if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                        let key = self.node(std::mem::take(&mut entry.key));
                        entry.key = wrap(HOLD, site, None, key);
                        let value = self.node(std::mem::take(&mut entry.value));
                        entry.value = wrap(HOLD, site, None, value);
                    }
                }
                Expr::Map(map)
            }
            Expr::Call(call) => return self.call(id, call),
            Expr::Comprehension(comprehension) => {
                Expr::Comprehension(Box::new(self.comprehension(id, *comprehension)))
            }
            other => other,
        };
        IdedExpr { id, expr }
    }

    /// Operands that are copied.
    fn held(&mut self, site: usize, nodes: Vec<IdedExpr>) -> Vec<IdedExpr> {
        nodes
            .into_iter()
            .map(|node| match node.expr {
                Expr::Literal(_) => node,
                _ => wrap(HOLD, site, None, self.node(node)),
            })
            .collect()
    }

    /// A condition: anything but a boolean fails there.
    fn condition(&mut self, position: usize, node: IdedExpr) -> IdedExpr {
        if is_boolean(&node) {
            return self.node(node);
        }
        let site = self.site(position, SiteKind::Other);
        wrap(AT, site, None, self.node(node))
    }

    fn call(&mut self, id: u64, mut call: CallExpr) -> IdedExpr {
        let name = call.func_name.as_str();
        let position = self.places.of(id);
        let mut copied = false;
        match name {
            operators::CONDITIONAL => {
                let mut arguments = std::mem::take(&mut call.args).into_iter();
                let condition = arguments.next().map(|node| self.condition(position, node));
                call.args = condition.into_iter().collect();
                call.args.extend(arguments.map(|node| self.node(node)));
            }
            operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT => {
                call.args = call.args.into_iter().map(|node| self.condition(position, node)).collect();
            }
            operators::INDEX | operators::OPT_INDEX | operators::OPT_SELECT => {
                let kind = match call.args.get(1).map(|index| &index.expr) {
                    Some(Expr::Literal(LiteralValue::String(key))) => SiteKind::Key(key.inner().to_owned()),
                    _ => SiteKind::Index,
                };
                // What an optional selection finds is copied.
                copied = name != operators::INDEX;
                let site = self.site(self.places.selected(id), kind);
                call.args = std::mem::take(&mut call.args).into_iter().map(|node| self.node(node)).collect();
                if let Some(index) = call.args.pop() {
                    call.args.push(wrap(KEY, site, None, index));
                }
            }
            _ if is_operator(name) => {
                let (wrapper, kind) = match name {
                    operators::ADD => (HOLD, SiteKind::Add),
                    _ => (READ, SiteKind::Other),
                };
                let site = self.site(position, kind);
                let last = call.args.len().saturating_sub(1);
                let arguments = std::mem::take(&mut call.args).into_iter().enumerate();
                call.args = arguments
                    .map(|(i, node)| match is_scalar(&node) {
                        true if i < last => self.node(node),
                        true => wrap(AT, site, None, self.node(node)),
                        false => wrap(wrapper, site, None, self.node(node)),
                    })
                    .collect();
            }
            _ => return self.function(id, call),
        }
        let node = IdedExpr { id, expr: Expr::Call(call) };
        match copied {
            true => {
                let site = self.site(position, SiteKind::Other);
                wrap(HOLD, site, None, node)
            }
            false => node,
        }
    }

    fn function(&mut self, id: u64, mut call: CallExpr) -> IdedExpr {
        let namespaced = namespaced(&call);
        let function = namespaced.or_else(|| language::function(&call.func_name, call.target.is_some()));
        let site = self.site(self.places.name(id), SiteKind::Call(function));
        // The value that a function is called on is evaluated after the arguments.
        let target = if namespaced.is_some() { None } else { call.target.take() };
        let count = call.args.len();
        let place = |i: usize, last: bool| i64::try_from(2 * i + usize::from(last)).ok();
        let arguments = std::mem::take(&mut call.args).into_iter().enumerate();
        call.args = arguments
            .map(|(i, node)| {
                wrap(OPERAND, site, place(i, i + 1 == count && target.is_none()), self.node(node))
            })
            .collect();
        if let Some(target) = target {
            call.target = Some(Box::new(wrap(OPERAND, site, place(count, true), self.node(*target))));
        }
        IdedExpr { id, expr: Expr::Call(call) }
    }

    fn comprehension(&mut self, id: u64, mut comprehension: ComprehensionExpr) -> ComprehensionExpr {
        let site = self.site(self.places.name(id), SiteKind::Loop);
        let weight = i64::try_from(4 * (nodes(&comprehension.loop_cond) + nodes(&comprehension.loop_step)))
            .unwrap_or(i64::MAX);
        let range = self.node(comprehension.iter_range);
        comprehension.iter_range = wrap(RANGE, site, Some(weight), range);
        comprehension.accu_init = match &comprehension.accu_init.expr {
            Expr::Literal(_) => comprehension.accu_init,
            Expr::List(list) if list.elements.is_empty() => comprehension.accu_init,
            _ => wrap(HOLD, site, None, self.node(comprehension.accu_init)),
        };
        comprehension.loop_step = self.step(site, &comprehension.accu_var, comprehension.loop_step);
        comprehension.result = self.node(comprehension.result);
        comprehension
    }

    /// A loop's step. The evaluator knows three shapes, in which only what the author wrote is rewritten.
    fn step(&mut self, site: usize, accumulator: &str, step: IdedExpr) -> IdedExpr {
        let is_accumulator = |node: &IdedExpr| matches!(&node.expr, Expr::Ident(name) if name == accumulator);
        let position = self.sites[site].position;
        let id = step.id;
        let Expr::Call(mut call) = step.expr else { return self.node(step) };
        let mut arguments = std::mem::take(&mut call.args);
        match (call.func_name.as_str(), arguments.as_mut_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, [first, condition]) if is_accumulator(first) => {
                *condition = self.condition(position, std::mem::take(condition));
            }
            (operators::CONDITIONAL, [condition, step, otherwise]) if is_accumulator(otherwise) => {
                *condition = self.condition(position, std::mem::take(condition));
                *step = self.step(site, accumulator, std::mem::take(step));
            }
            (operators::ADD, [first, IdedExpr { expr: Expr::List(list), .. }]) if is_accumulator(first) => {
                list.elements = self.held(site, std::mem::take(&mut list.elements));
            }
            (operators::ADD, [first, _]) if is_accumulator(first) => {}
            _ => {
                call.args = arguments;
                return self.call(id, call);
            }
        }
        call.args = arguments;
        IdedExpr { id, expr: Expr::Call(call) }
    }
}

/// A call of one of the meter's functions around an operand.
fn wrap(name: &str, site: usize, argument: Option<i64>, node: IdedExpr) -> IdedExpr {
    let id = node.id;
    let number = |n: i64| IdedExpr { id, expr: Expr::Literal(LiteralValue::Int(n.into())) };
    let mut args = vec![number(i64::try_from(site).unwrap_or(i64::MAX))];
    args.extend(argument.map(number));
    args.push(node);
    IdedExpr { id, expr: Expr::Call(CallExpr { func_name: name.to_owned(), target: None, args }) }
}

/// Whether a node has a boolean, if it has a value.
fn is_boolean(node: &IdedExpr) -> bool {
    match &node.expr {
        Expr::Literal(literal) => matches!(literal, LiteralValue::Boolean(_)),
        Expr::Select(select) => select.test,
        Expr::Call(call) => match call.func_name.as_str() {
            operators::EQUALS
            | operators::NOT_EQUALS
            | operators::LESS
            | operators::LESS_EQUALS
            | operators::GREATER
            | operators::GREATER_EQUALS
            | operators::IN
            | operators::LOGICAL_AND
            | operators::LOGICAL_OR
            | operators::LOGICAL_NOT => true,
            name => language::function(name, call.target.is_some()).is_some_and(|function| function.boolean),
        },
        Expr::Comprehension(comprehension) => is_boolean(&comprehension.accu_init),
        _ => false,
    }
}

/// Whether a node has a value that is no larger than a number or than the text of the expression.
fn is_scalar(node: &IdedExpr) -> bool {
    match &node.expr {
        Expr::Literal(_) => true,
        Expr::Call(call) => matches!(
            call.func_name.as_str(),
            operators::SUBSTRACT
                | operators::MULTIPLY
                | operators::DIVIDE
                | operators::MODULO
                | operators::NEGATE
                | "size"
        ),
        _ => is_boolean(node),
    }
}

/// How many nodes a tree has.
fn nodes(node: &IdedExpr) -> usize {
    1 + match &node.expr {
        Expr::Select(select) => nodes(&select.operand),
        Expr::List(list) => list.elements.iter().map(nodes).sum(),
        Expr::Map(map) => map
            .entries
            .iter()
            .map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => nodes(&entry.key) + nodes(&entry.value),
                EntryExpr::StructField(field) => nodes(&field.value),
            })
            .sum(),
        Expr::Call(call) => {
            call.target.iter().map(|target| nodes(target)).chain(call.args.iter().map(nodes)).sum()
        }
        Expr::Comprehension(loops) => {
            [&loops.iter_range, &loops.accu_init, &loops.loop_cond, &loops.loop_step, &loops.result]
                .map(nodes)
                .iter()
                .sum()
        }
        Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => 0,
    }
}
