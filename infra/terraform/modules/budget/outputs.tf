output "budget" {
  description = "The budget's name."
  value       = google_billing_budget.this.id
}
