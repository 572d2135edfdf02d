//! Support and bug tickets: structure, categories, priorities, solutions, dashboard.
//!
//! Five phases, each in a module of its own. `ticket_ingestion` reads the run's input or an uploaded export and writes
//! `tickets_structured.json`; the others read that file and what the phases before them wrote, never the raw input.

pub mod analytics;
pub mod categorization;
pub mod ingestion;
pub mod listed;
pub mod priority;
mod said;
pub mod sla;
pub mod solutions;
pub mod standing;
pub mod ticket;
mod workflow;

heddle_sdk::plugin! {
    name: "ticket-analysis",
    description: "Analyses support and bug tickets: structure, categories, priorities, solutions and a dashboard.",
    phases: [
        ingestion::TicketIngestion,
        categorization::Categorization,
        priority::PriorityScoring,
        solutions::SolutionGeneration,
        analytics::AnalyticsDashboard,
    ],
    workflows: workflow::all(),
}
