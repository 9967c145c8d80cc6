output "topics" {
  description = "By name, a topic's id; known when those who publish there may."
  value       = { for name, topic in google_pubsub_topic.this : name => topic.id }
  depends_on  = [google_pubsub_topic_iam_member.this]
}

output "subscriptions" {
  description = "By name, a subscription's id."
  value       = { for name, subscription in google_pubsub_subscription.this : name => subscription.id }
  depends_on  = [google_pubsub_subscription_iam_member.this]
}
