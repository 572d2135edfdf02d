//! The workflow `ticket_analysis`.

use heddle_sdk::prelude::*;

/// The workflows that the plugin ships.
pub(crate) fn all() -> Vec<Workflow> {
    let phase = |name: &str| format!("ticket-analysis/{name}");
    vec![Workflow {
        name: "ticket_analysis".to_owned(),
        version: "0.1.0".to_owned(),
        display_name: "Ticket analysis".to_owned(),
        description:
            "Structures support and bug tickets, sorts, ranks and answers them, and shows where things stand."
                .to_owned(),
        input_schema: serde_json::json!({ "type": "object" }),
        files: Some(FilesSpec {
            accept: vec![".json".to_owned(), ".csv".to_owned()],
            description: "An export of GitHub (gh issue list --json), Jira (CSV or JSON) or Zendesk (JSON)."
                .to_owned(),
        }),
        steps: vec![
            Step::new("ticket_ingestion", phase("ticket_ingestion")),
            Step::new("categorization", phase("categorization"))
                .after("ticket_ingestion")
                .map("categories", "input.categories"),
            Step::new("priority_scoring", phase("priority_scoring"))
                .after("categorization")
                .map("sla_policy", "input.sla_policy")
                .map("teams", "input.teams"),
            Step::new("solution_generation", phase("solution_generation"))
                .after("priority_scoring")
                .map("knowledge_base", "input.knowledge_base"),
            Step::new("analytics_dashboard", phase("analytics_dashboard"))
                .after("priority_scoring")
                .map("sla_policy", "input.sla_policy")
                .map("teams", "input.teams")
                .map("forecast", "input.forecast"),
        ],
    }]
}
