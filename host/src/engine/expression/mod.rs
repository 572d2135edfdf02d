//! Expressions of input mappings and conditions, in CEL (Common Expression Language) by the `cel` crate.
//!
//! The names in it are `input`, `steps.NAME.output`, `steps.NAME.state`, `item` and `index` inside a map, `index` and
//! `previous` inside a loop, and `as_of`. Optionals and the extensions for texts, lists and numbers are there as well.
//!
//! What is here and not in the crate: the names that there are and what an expression reads of them; bounds on what an
//! evaluation costs (law 5); the same value for the same documents, always (law 6); and errors that tell where.

mod bounds;
mod check;
mod constants;
mod document;
mod error;
mod evaluate;
mod fault;
mod instrument;
mod language;
mod meter;
mod output;
mod patterns;
mod references;
mod scan;
mod schema;
mod scope;
mod selection;
mod syntax;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use std::sync::Arc;

pub(crate) use bounds::SCHEMA_LOOKS;
pub(crate) use check::{StepPlace, Steps, Surroundings, check_references};
pub(crate) use error::{EvaluationError, ExpressionError};
pub(crate) use scope::{Reference, Root, Scope, Selector};
pub(in crate::engine) use syntax::hint;

use cel::{
    IdedExpr,
    common::ast::{Expr, operators},
};
use references::{Access, Part};

/// A parsed expression.
#[derive(Debug, Clone)]
pub(crate) struct Expression {
    text: Arc<str>,
    references: Arc<[Reference]>,
    accesses: Arc<[Access]>,
    /// Absent for a pure selection, which is done on text.
    program: Option<Arc<instrument::Program>>,
}

impl Expression {
    /// Parse a text. The error tells at which character (from 1) it went wrong and what was expected.
    pub(crate) fn parse(text: &str) -> Result<Self, ExpressionError> {
        let syntax = syntax::parse(text)?;
        let accesses = references::find(text, &syntax)?;
        let references: Vec<Reference> =
            accesses.iter().filter(|access| access.direct).map(reference).collect();
        let program = match is_selection(&syntax.tree) && references.len() == 1 {
            true => None,
            false => Some(Arc::new(instrument::instrument(syntax))),
        };
        Ok(Self { text: text.into(), references: references.into(), accesses: accesses.into(), program })
    }

    /// The text that it was parsed from.
    #[cfg(test)]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is a pure selection.
    pub(crate) fn only_selects(&self) -> bool {
        self.program.is_none()
    }

    /// Every place that it reads, in the order of the text. The variables of loops are not places of their own.
    pub(crate) fn references(&self) -> &[Reference] {
        &self.references
    }

    /// Of a pure selection: what it selects, if there is anything at that place. `None` for any other expression.
    pub(crate) fn selected<'s>(&self, scope: &'s Scope) -> Option<Option<&'s str>> {
        if self.program.is_some() {
            return None;
        }
        Some(
            self.references
                .first()
                .and_then(|reference| selection::select(scope.get(&reference.root)?, &reference.path)),
        )
    }

    /// Evaluate to JSON text. `None` if there is nothing at the place that a pure selection selects, or if the value is
    /// an optional without one; any other expression that reaches for what is not there has no value.
    ///
    /// # Errors
    /// Why there is no value, and at which character.
    pub(crate) fn evaluate(&self, scope: &Scope) -> Result<Option<String>, EvaluationError> {
        let Some(program) = &self.program else {
            return Ok(self.selected(scope).flatten().map(str::to_owned));
        };
        evaluate::evaluate(program, &self.references, scope)
            .map_err(|(position, message)| EvaluationError::at(&self.text, position, message))
    }

    /// Evaluate as a condition.
    ///
    /// # Errors
    /// Why there is no value, or what it is if it is not a boolean.
    pub(crate) fn is_true(&self, scope: &Scope) -> Result<bool, EvaluationError> {
        let message = match self.evaluate(scope)?.as_deref() {
            Some("true") => return Ok(true),
            Some("false") => return Ok(false),
            Some(other) => format!("a condition is true or false, this is {}", shortened(other)),
            None => "a condition is true or false, there is nothing at this place".to_owned(),
        };
        Err(EvaluationError::at(&self.text, 1, message))
    }
}

/// The start of a value, for a message.
fn shortened(json: &str) -> String {
    match json.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", &json[..end]),
        None => json.to_owned(),
    }
}

/// Whether a tree only names a place. What is selected from it is known then.
fn is_selection(node: &IdedExpr) -> bool {
    match &node.expr {
        Expr::Ident(_) => true,
        Expr::Select(select) => !select.test && is_selection(&select.operand),
        Expr::Call(call) => match call.args.as_slice() {
            [value, index] if call.func_name == operators::INDEX => {
                references::selector(index).is_some() && is_selection(value)
            }
            _ => false,
        },
        _ => false,
    }
}

/// An access, as far as the text tells what is read.
fn reference(access: &Access) -> Reference {
    let selectors = access.parts.iter().map_while(|(part, _)| match part {
        Part::Selector(selector) => Some(selector.clone()),
        Part::Any => None,
    });
    Reference { root: access.root.clone(), path: selectors.collect(), position: access.position }
}
