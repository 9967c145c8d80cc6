# The images. A tag can be moved, so services name digests; immutable tags keep people honest, too.
resource "google_artifact_registry_repository" "this" {
  project       = var.project
  location      = var.region
  repository_id = var.name
  description   = "One image a deployable, deployed by digest."
  format        = "DOCKER"
  kms_key_name  = var.kms_key

  docker_config {
    immutable_tags = true
  }

  vulnerability_scanning_config {
    enablement_config = "INHERITED"
  }

  cleanup_policies {
    id     = "keep-the-last"
    action = "KEEP"

    most_recent_versions {
      keep_count = 50
    }
  }

  cleanup_policies {
    id     = "remove-untagged"
    action = "DELETE"

    condition {
      tag_state  = "UNTAGGED"
      older_than = "7776000s"
    }
  }
}

resource "google_artifact_registry_repository_iam_member" "this" {
  for_each = var.grants

  project    = var.project
  location   = google_artifact_registry_repository.this.location
  repository = google_artifact_registry_repository.this.repository_id
  role       = each.value.role
  member     = each.value.member
}
