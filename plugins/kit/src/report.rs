//! Markdown and HTML building blocks for reports.
