output "project" {
  description = "The project's id; known when its APIs are enabled."
  value       = var.project
  depends_on  = [google_project_service.this]
}
