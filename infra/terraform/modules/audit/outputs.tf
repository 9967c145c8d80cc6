output "writers" {
  description = "Who writes the records: an account of Cloud Logging's."
  value       = google_logging_project_sink.archived.writer_identity
}
