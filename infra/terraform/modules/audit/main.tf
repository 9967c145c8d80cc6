# Who did what. Changes are recorded by themselves; reading and writing data because of this. Records
# go to a log bucket that can be searched and to an archive that is retained, both under a key of their
# own, and no deployable may write in either.
locals {
  records = join(" OR ", [
    for log in ["activity", "data_access", "policy", "system_event"] : "log_id(\"cloudaudit.googleapis.com/${log}\")"
  ])
}

resource "google_project_iam_audit_config" "this" {
  for_each = var.apis

  project = var.project
  service = each.value

  audit_log_config {
    log_type = "ADMIN_READ"
  }

  audit_log_config {
    log_type = "DATA_READ"
  }

  audit_log_config {
    log_type = "DATA_WRITE"
  }
}

resource "google_logging_project_bucket_config" "this" {
  for_each = var.log_buckets

  project        = var.project
  location       = var.region
  bucket_id      = each.value.name
  description    = "Audit records, to be searched."
  retention_days = each.value.retention_days
  locked         = var.lock

  cmek_settings {
    kms_key_name = var.kms_key
  }
}

resource "google_logging_project_sink" "searched" {
  for_each = google_logging_project_bucket_config.this

  project                = var.project
  name                   = "docledger-${each.key}-searched"
  description            = "Audit records, to be searched."
  destination            = "logging.googleapis.com/${each.value.id}"
  filter                 = local.records
  unique_writer_identity = true
}

resource "google_logging_project_sink" "archived" {
  project                = var.project
  name                   = "docledger-audit-archived"
  description            = "Audit records, out of reach of whoever they are about."
  destination            = "storage.googleapis.com/${var.bucket}"
  filter                 = local.records
  unique_writer_identity = true
}
