# Who did what. Changes are recorded by themselves; reading and writing data because of this. Records
# go to a log bucket that can be searched and to an archive that is retained, both under a key of their
# own, and no deployable may write in either. What else is logged goes to a bucket under that key, too.
locals {
  records = join(" OR ", [
    for log in ["activity", "data_access", "policy", "system_event"] : "log_id(\"cloudaudit.googleapis.com/${log}\")"
  ])
  at = "logging.googleapis.com/projects/${var.project}/locations/${var.region}/buckets"
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
  description    = each.key == "audit" ? "Audit records, to be searched." : "What services, jobs and builds log."
  retention_days = each.value.retention_days
  locked         = var.lock && each.key == "audit"

  cmek_settings {
    kms_key_name = var.kms_key
  }
}

resource "google_logging_project_sink" "searched" {
  for_each = { for name, bucket in google_logging_project_bucket_config.this : name => bucket if name == "audit" }

  project                = var.project
  name                   = "docledger-${each.key}-searched"
  description            = "Audit records, to be searched."
  destination            = "${local.at}/${each.value.bucket_id}"
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

# The sink is there in every project, and Terraform takes it over. Its bucket can have no key of ours once
# it is made, so nothing goes there any more; what Google keeps in _Required stays there (docs/keys.md).
resource "google_logging_project_sink" "default" {
  project                = var.project
  name                   = "_Default"
  description            = "All that is no audit record."
  destination            = "${local.at}/${google_logging_project_bucket_config.this["others"].bucket_id}"
  filter                 = "NOT (${local.records})"
  disabled               = false
  unique_writer_identity = true
}
