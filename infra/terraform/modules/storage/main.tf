# No versions and no soft delete anywhere: an erased document's key must not come back, and neither
# must the plain bytes that somebody dropped. The published log is not public either: auditors read it
# by the auditor API, which knows whose log each may see (ADR 27).
resource "google_storage_bucket" "this" {
  for_each = var.buckets

  project                     = var.project
  location                    = var.region
  name                        = each.value.name
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  encryption {
    default_kms_key_name = var.keys[each.value.key]
  }

  versioning {
    enabled = false
  }

  soft_delete_policy {
    retention_duration_seconds = 0
  }

  # What was begun and never ended is nobody's.
  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }

    condition {
      age = 1
    }
  }

  # A lease ends with its work, in minutes; what a dead worker left is removed with the day.
  dynamic "lifecycle_rule" {
    for_each = [for prefix in keys(each.value.prefixes) : prefix if prefix == "leases/"]

    content {
      action {
        type = "Delete"
      }

      condition {
        age            = 1
        matches_prefix = [lifecycle_rule.value]
      }
    }
  }

  dynamic "lifecycle_rule" {
    for_each = each.value.delete_after_days == null ? [] : [each.value.delete_after_days]

    content {
      action {
        type = "Delete"
      }

      condition {
        age = lifecycle_rule.value
      }
    }
  }

  dynamic "retention_policy" {
    for_each = each.value.retention_days == null ? [] : [each.value.retention_days]

    content {
      retention_period = retention_policy.value * 86400
      is_locked        = var.lock_audit
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_storage_notification" "this" {
  for_each = { for name, its in var.buckets : name => its.notifies if its.notifies != null }

  bucket         = google_storage_bucket.this[each.key].name
  topic          = var.topics[each.value]
  payload_format = "JSON_API_V1"
  event_types    = ["OBJECT_FINALIZE"]
}

resource "google_storage_bucket_iam_member" "this" {
  for_each = var.grants

  bucket = google_storage_bucket.this[each.value.on].name
  role   = each.value.role
  member = each.value.member

  dynamic "condition" {
    for_each = each.value.condition == null ? [] : [each.value.condition]

    content {
      title      = "these-names"
      expression = condition.value
    }
  }
}
