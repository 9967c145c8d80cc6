output "name" {
  description = "The service's name; known when its callers may call."
  value       = google_cloud_run_v2_service.this.name
  depends_on  = [google_cloud_run_v2_service_iam_member.this]
}

output "uri" {
  description = "Where it is, as Cloud Run says."
  value       = google_cloud_run_v2_service.this.uri
}
