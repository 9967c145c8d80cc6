output "secrets" {
  description = "By short name, a secret's full name; known when those who read it may."
  value       = { for name, secret in google_secret_manager_secret.this : name => secret.name }
  depends_on  = [google_secret_manager_secret_iam_member.this]
}
