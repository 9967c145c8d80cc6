# A command of docledger as a job: what a release runs first, or what a person types after --args. It runs
# as an account that may do what the command needs. The first image comes from here; after that releases
# set it, by digest, and Terraform leaves it alone.
resource "google_cloud_run_v2_job" "this" {
  project             = var.project
  location            = var.region
  name                = var.name
  deletion_protection = true

  template {
    task_count  = 1
    parallelism = 1

    template {
      service_account       = var.account
      encryption_key        = var.kms_key
      execution_environment = "EXECUTION_ENVIRONMENT_GEN2"
      timeout               = "${var.timeout_s}s"
      max_retries           = 0 # what failed is for a person to look at

      vpc_access {
        egress = "ALL_TRAFFIC"

        network_interfaces {
          network    = var.network
          subnetwork = var.subnet
        }
      }

      containers {
        name       = "command"
        image      = var.image
        command    = ["python", "-m", "deploy.cloudrun.command"] # the proxy ends with it
        args       = var.arguments                               # or what a person gives instead
        depends_on = ["database"]

        dynamic "env" {
          for_each = var.environment

          content {
            name  = env.key
            value = env.value
          }
        }

        resources {
          limits = {
            cpu    = "1"
            memory = "2Gi" # an audit holds a digest of every entry
          }
        }
      }

      containers {
        name  = "database"
        image = var.proxy_image
        args = [
          "--private-ip",
          "--auto-iam-authn",
          "--structured-logs",
          "--health-check",
          "--http-address=0.0.0.0",
          "--http-port=9090",
          "--port=5432",
          "--quitquitquit",
          "--exit-zero-on-sigterm",
          var.database,
        ]

        startup_probe {
          period_seconds    = 2
          timeout_seconds   = 1
          failure_threshold = 30

          http_get {
            path = "/startup"
            port = 9090
          }
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [
      client,
      client_version,
      template[0].template[0].containers[0].image,
    ]
  }

  depends_on = [var.after]
}

resource "google_cloud_run_v2_job_iam_member" "this" {
  for_each = var.grants

  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_job.this.name
  role     = each.value.role
  member   = each.value.member
}
