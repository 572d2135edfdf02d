//! The granted import `approvals`: a phase asks a person.

use super::{HostCall, bindings::heddle::plugin::approvals, json, state::GuestState};
use crate::{
    model::{ApprovalRequest, HostCallKind, approval},
    schema,
};

impl approvals::Host for GuestState {
    async fn request(&mut self, request: String) -> wasmtime::Result<Result<String, String>> {
        self.call("approvals.request")?;
        self.journal(request.len() as u64)?;
        match checked(&request) {
            Ok(request) => self.answer(HostCall::new(HostCallKind::Approval, request)).await,
            Err(why) => Ok(Err(format!("this approval cannot be requested: {why}"))),
        }
    }
}

/// The request as it was written, once it is known to be one; with the options that it has if it says none.
///
/// # Errors
/// What is wrong with it, for the plugin's author.
fn checked(text: &str) -> Result<serde_json::Value, String> {
    if text.len() > approval::REQUEST_BYTES_MAX {
        let (size, most) = (text.len(), approval::REQUEST_BYTES_MAX);
        return Err(format!("the request has {size} bytes; at most {most} are possible"));
    }
    let mut written = json::parse(text).map_err(|error| error.to_string())?;
    if !written.is_object() {
        return Err("the request is no JSON object".to_owned());
    }
    let request: ApprovalRequest = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let mut found: Vec<String> =
        request.findings().into_iter().map(|(path, message)| format!("{path}: {message}")).collect();
    if found.is_empty()
        && let Some(Err(error)) = request.input_schema.as_ref().map(schema::compile)
    {
        found.push(format!("/input_schema: {error}"));
    }
    if !found.is_empty() {
        return Err(found.join("; "));
    }
    if let Some(members) = written.as_object_mut() {
        members.entry("options").or_insert_with(|| serde_json::json!(request.options));
    }
    Ok(written)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_request_is_told_apart() {
        let wrong = |text: &str| checked(text).unwrap_err();
        assert!(wrong("").contains("EOF"));
        assert!(wrong(r#"["title"]"#).contains("no JSON object"));
        assert!(wrong(r#"{"message": "m"}"#).contains("title"));
        assert!(wrong(r#"{"title": "t", "titel": "t"}"#).contains("titel"));
        assert!(wrong(r#"{"title": "t", "title": "u"}"#).contains("duplicate"));
        let text = json!({ "title": "", "default": "yes" }).to_string();
        assert!(wrong(&text).contains("/title: it has 0") && wrong(&text).contains("; /default: "));
        for schema in [json!({ "type": "colour" }), json!({ "$ref": "http://127.0.0.1:1/x" }), json!(7)] {
            let text = json!({ "title": "t", "input_schema": schema }).to_string();
            assert!(wrong(&text).contains("/input_schema: the schema cannot be used"), "{}", wrong(&text));
        }
        let large = json!({ "title": "t", "message": "m".repeat(approval::REQUEST_BYTES_MAX) }).to_string();
        assert!(wrong(&large).contains("at most 524288"));
    }

    #[test]
    fn a_request_is_kept_as_it_was_written_with_the_options_that_it_has() {
        let options = json!([{ "name": "go", "label": "Go" }]);
        let mut request = json!({ "title": "t", "input_schema": { "type": "object" }, "options": options });
        assert_eq!(checked(&request.to_string()), Ok(request.clone()));
        request.as_object_mut().unwrap().remove("options");
        let options = checked(&request.to_string()).unwrap()["options"].clone();
        let names: Vec<&str> =
            options.as_array().unwrap().iter().map(|o| o["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["approve", "reject"]);
    }
}
