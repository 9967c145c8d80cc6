# Secrets without their values: those are put in by hand, never by Terraform, whose state would keep them.
resource "google_secret_manager_secret" "this" {
  for_each = var.secrets

  project             = var.project
  secret_id           = each.value.name
  version_destroy_ttl = "604800s" # a week in which a version that somebody destroyed can be had back

  replication {
    user_managed {
      replicas {
        location = var.region

        customer_managed_encryption {
          kms_key_name = var.keys[each.value.key]
        }
      }
    }
  }
}

resource "google_secret_manager_secret_iam_member" "this" {
  for_each = var.grants

  project   = var.project
  secret_id = google_secret_manager_secret.this[each.value.on].secret_id
  role      = each.value.role
  member    = each.value.member
}
