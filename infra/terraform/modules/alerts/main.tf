# Whoever parses foreign files should never want to talk to a stranger. These tell when one tries, and
# when one sends more to those it may talk to than its work explains.
resource "google_logging_metric" "refused" {
  project     = var.project
  name        = "docledger/egress_refused"
  description = "Connections that a firewall rule refused."
  filter      = "log_id(\"compute.googleapis.com/firewall\") AND jsonPayload.disposition=\"DENIED\" AND jsonPayload.rule_details.reference=~\"(${join("|", var.refusing_rules)})$\""

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"
  }
}

resource "google_monitoring_alert_policy" "refused" {
  project               = var.project
  display_name          = "docledger: a deployable tried to reach a stranger"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = var.channels

  conditions {
    display_name = "a connection was refused"

    condition_threshold {
      filter          = "resource.type = \"gce_subnetwork\" AND metric.type = \"logging.googleapis.com/user/${google_logging_metric.refused.name}\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"

      aggregations {
        alignment_period   = "300s"
        per_series_aligner = "ALIGN_DELTA"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "The firewall's log names the address. Find the deployable by its subnet, stop it (`docledger topology pause`), and keep what it had in hand: a file that makes its reader call out is an attack."
  }
}

resource "google_monitoring_alert_policy" "sent" {
  for_each = var.sent_bytes_per_s

  project               = var.project
  display_name          = "docledger: ${each.key} sends more than its work explains"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = var.channels

  conditions {
    display_name = "more than ${each.value} bytes a second"

    condition_threshold {
      filter          = "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = \"docledger-${each.key}\" AND metric.type = \"run.googleapis.com/container/network/sent_bytes_count\""
      comparison      = "COMPARISON_GT"
      threshold_value = each.value
      duration        = "600s"

      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_RATE"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "Compare with the documents that it had in hand: `docledger status`. A backlog explains it; without one, look at what it reads and writes in the audit records."
  }
}
