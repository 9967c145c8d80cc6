output "policies" {
  description = "Ids of the policies."
  value       = concat([google_monitoring_alert_policy.refused.id], [for policy in google_monitoring_alert_policy.sent : policy.id])
}
