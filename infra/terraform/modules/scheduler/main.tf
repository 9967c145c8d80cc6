# Internal jobs. The account says who calls, the token that the call was meant: each alone starts
# nothing.
#
# Cloud Scheduler knows no secrets: it is told the value, and Terraform's state holds it. Whoever reads
# the state still needs the scheduler's account, for which only Google's agent mints tokens.
data "google_secret_manager_secret_version" "token" {
  project = var.project
  secret  = var.token.secret
  version = var.token.versions[length(var.token.versions) - 1]
}

resource "google_cloud_scheduler_job" "this" {
  for_each = var.jobs

  project          = var.project
  region           = var.region
  name             = "docledger-${each.key}"
  description      = "POST ${each.value.url}"
  schedule         = each.value.schedule
  time_zone        = "Etc/UTC"
  attempt_deadline = "${min(1800, each.value.timeout)}s"

  # The next call comes by itself; who was busy said 429.
  retry_config {
    retry_count          = 1
    min_backoff_duration = "10s"
    max_backoff_duration = "60s"
  }

  http_target {
    http_method = "POST"
    uri         = each.value.url
    headers = {
      "X-Internal-Event-Token" = data.google_secret_manager_secret_version.token.secret_data
    }

    oidc_token {
      service_account_email = var.account
      audience              = each.value.audience
    }
  }

  depends_on = [var.after]
}
