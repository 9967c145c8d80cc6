# The topology on Pub/Sub. A topic keeps what was published as long as a subscription does, so that
# one that was deleted by mistake can be made again and set back.
locals {
  retention_s = {
    for topic in var.topics : topic => max(600, [for its in values(var.subscriptions) : its.retention_s if its.topic == topic]...)
  }
}

resource "google_pubsub_topic" "this" {
  for_each = var.topics

  project                    = var.project
  name                       = each.value
  kms_key_name               = var.kms_key
  message_retention_duration = "${local.retention_s[each.value]}s"

  message_storage_policy {
    allowed_persistence_regions = [var.region]
    enforce_in_transit          = true
  }
}

resource "google_pubsub_topic_iam_member" "this" {
  for_each = var.topic_grants

  project = var.project
  topic   = google_pubsub_topic.this[each.value.on].name
  role    = each.value.role
  member  = each.value.member
}

resource "google_pubsub_subscription" "this" {
  for_each = var.subscriptions

  project                    = var.project
  name                       = each.key
  topic                      = google_pubsub_topic.this[each.value.topic].id
  ack_deadline_seconds       = each.value.lease_s
  message_retention_duration = "${each.value.retention_s}s"
  retain_acked_messages      = false

  # Without this a subscription that is idle for a month vanishes, and its letters with it.
  expiration_policy {
    ttl = ""
  }

  push_config {
    push_endpoint = each.value.endpoint

    oidc_token {
      service_account_email = each.value.account
      audience              = each.value.audience
    }
  }

  retry_policy {
    minimum_backoff = "${each.value.backoff_s[0]}s"
    maximum_backoff = "${each.value.backoff_s[1]}s"
  }

  dynamic "dead_letter_policy" {
    for_each = each.value.dead_topic == null ? [] : [each.value.dead_topic]

    content {
      dead_letter_topic     = google_pubsub_topic.this[dead_letter_policy.value].id
      max_delivery_attempts = each.value.attempts
    }
  }

  # The agent must be able to move a letter before there is one.
  depends_on = [google_pubsub_topic_iam_member.this]
}

resource "google_pubsub_subscription_iam_member" "this" {
  for_each = var.subscription_grants

  project      = var.project
  subscription = google_pubsub_subscription.this[each.value.on].name
  role         = each.value.role
  member       = each.value.member
}
