output "enabled" {
  description = "APIs that are enabled; what depends on it waits for them."
  value       = toset([for api in google_project_service.this : api.service])
}
