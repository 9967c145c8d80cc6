output "emails" {
  description = "By identity, its account's e-mail address."
  value       = { for name, account in google_service_account.this : name => account.email }
}

output "roles" {
  description = "By short name, a custom role's full name."
  value       = { for name, role in google_project_iam_custom_role.this : name => role.name }
}

output "ready" {
  description = "True when every account is there and may be acted as: what names members waits for it."
  value       = length(google_service_account.this) > 0
  depends_on  = [google_service_account_iam_member.this]
}
