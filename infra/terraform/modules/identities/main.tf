# An account for each deployable, each subscription's pushes, the scheduler, the pipelines and those who
# look. None has a key: nobody can carry one away.
resource "google_service_account" "this" {
  for_each = var.accounts

  project      = var.project
  account_id   = each.value.id
  display_name = "docledger ${each.key}"
  description  = each.value.does
}

# Exactly these permissions: what Google predefines holds more.
resource "google_project_iam_custom_role" "this" {
  for_each = var.roles

  project     = var.project
  role_id     = "docledger.${each.key}"
  title       = "docledger: ${each.value.title}"
  permissions = each.value.permissions
}

resource "google_service_account_iam_member" "this" {
  for_each = var.account_grants

  service_account_id = google_service_account.this[each.value.on].name
  role               = try(google_project_iam_custom_role.this[each.value.role].name, each.value.role)
  member             = each.value.member

  depends_on = [google_service_account.this]
}

resource "google_project_iam_member" "this" {
  for_each = var.project_grants

  project = var.project
  role    = google_project_iam_custom_role.this[each.value.role].name # never one of Google's
  member  = each.value.member

  dynamic "condition" {
    for_each = each.value.condition == null ? [] : [each.value.condition]

    content {
      title      = "one-resource"
      expression = condition.value
    }
  }

  depends_on = [google_service_account.this]
}
