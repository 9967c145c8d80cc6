output "emails" {
  description = "By identity, its account's e-mail address."
  value       = { for name, account in google_service_account.this : name => account.email }
}

output "roles" {
  description = "By short name, a custom role's full name; known when everybody is there who may have one."
  value       = { for name, role in google_project_iam_custom_role.this : name => role.name }
  depends_on  = [google_service_account.this]
}

output "ready" {
  description = "True when accounts may be acted as, and have what they have on the project."
  value       = true
  depends_on  = [google_service_account_iam_member.this, google_project_iam_member.this]
}
