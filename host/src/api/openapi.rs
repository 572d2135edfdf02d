//! The OpenAPI 3.1 document, made from the routes themselves.

use std::{collections::BTreeMap, sync::LazyLock};

use axum::body::Bytes;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;
use utoipa::{
    Modify, OpenApi, ToSchema as _,
    openapi::{
        ContentBuilder, RefOr, Response, ResponseBuilder,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

use super::{error::ProblemDetails, routes, wire::ProblemBody};
use crate::model::{Manifest, PhaseSpec, Workflow};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Heddle",
        description = "The workflow host whose workflows you need not trust. Errors are problem details (RFC 9457); \
            every response carries `x-request-id`. Roles of tokens: viewer (reads), user (starts and steers runs), \
            admin (loads plugins, makes and revokes tokens).",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/")),
    modifiers(&Bearer),
    security(("bearer" = [])),
    components(schemas(ProblemDetails, ProblemBody)),
    tags(
        (name = "runs", description = "Starting and steering runs, and what they made."),
        (name = "control", description = "Steering runs and their steps."),
        (name = "approvals", description = "What waits for people, and for events from outside."),
        (name = "schedules", description = "Runs that start by themselves, at times that a cron expression names."),
        (name = "uploads", description = "Files for runs to come."),
        (name = "plugins", description = "The components that bring phases and workflows."),
        (name = "workflows", description = "What can be run."),
        (name = "tokens", description = "What opens the API, and to whom."),
        (name = "admin", description = "The host as a whole."),
        (name = "health", description = "How the host is."),
    )
)]
struct Frame;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let mut http = Http::new(HttpAuthScheme::Bearer);
        http.description = Some("An API token. The admin's is in DATA_DIR/admin-token.".to_owned());
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(http));
    }
}

/// The document without its paths.
pub(super) fn frame() -> utoipa::openapi::OpenApi {
    Frame::openapi()
}

/// The document. A manifest's types are described by schemars, as they are for plugin authors.
pub fn document() -> Value {
    let mut document = serde_json::to_value(routes().into_openapi()).unwrap_or_default();
    let mut generator = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .into_generator();
    add::<Manifest>(&mut generator);
    add::<Workflow>(&mut generator);
    add::<PhaseSpec>(&mut generator);
    if let Some(Value::Object(schemas)) = document.pointer_mut("/components/schemas") {
        for (name, mut schema) in generator.take_definitions(true) {
            // Step, as a manifest has it, is not the step of a run.
            rename_references(&mut schema);
            schemas.insert(renamed(&name).to_owned(), schema);
        }
        schemas.sort_keys();
    }
    document
}

fn add<T: JsonSchema>(generator: &mut schemars::SchemaGenerator) {
    generator.subschema_for::<T>();
}

fn renamed(name: &str) -> &str {
    match name {
        "Step" => "StepDefinition",
        name => name,
    }
}

fn rename_references(schema: &mut Value) {
    const PREFIX: &str = "#/components/schemas/";
    match schema {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get_mut("$ref")
                && let Some(name) = reference.strip_prefix(PREFIX)
            {
                *reference = format!("{PREFIX}{}", renamed(name));
            }
            map.values_mut().for_each(rename_references);
        }
        Value::Array(items) => items.iter_mut().for_each(rename_references),
        _ => {}
    }
}

/// The document as it is served.
pub(super) fn text() -> Bytes {
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| document().to_string().into());
    TEXT.clone()
}

macro_rules! errors {
    ($($(#[$doc:meta])* $name:ident = [$($status:literal $description:literal),+];)+) => {$(
        $(#[$doc])*
        pub(super) struct $name;

        impl utoipa::IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                BTreeMap::from([$(($status.to_owned(), problem($description))),+])
            }
        }
    )+};
}

fn problem(description: &str) -> RefOr<Response> {
    let reference = utoipa::openapi::Ref::from_schema_name(ProblemDetails::name());
    let content = ContentBuilder::new().schema(Some(reference)).build();
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content)
        .build()
        .into()
}

errors!(
    /// What every route behind a token may answer.
    Common = [
        "400" "The path, the query or the body is not valid; `problems` says what all is wrong.",
        "401" "No token, or one that is not known.",
        "403" "The token's role is too low.",
        "500" "The host is at fault; its log has the request's id.",
        "503" "The host cannot do this for the moment; see Retry-After."
    ];
    /// Of routes that name a thing.
    Missing = ["404" "There is no such thing."];
    /// Of routes that steer.
    Unfit = ["409" "It does not fit the state of things; the detail says what is in the way."];
    /// Of routes that take a body.
    Body = [
        "408" "The body did not come in time.",
        "413" "The body is larger than allowed."
    ];
    /// Of routes that answer with a stream that lasts.
    Streamed = ["429" "The token has all the streams open that it may have."];
);
