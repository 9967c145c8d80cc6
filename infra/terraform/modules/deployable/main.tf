# One deployable: its own identity, its own image, its own callers. The first image comes from here;
# after that releases set it, by digest, and Terraform leaves it alone. A release also names its
# revision. That name is not ignored: it would go with the next change, which Cloud Run refuses (409),
# since the name is taken. So it is taken away, and Cloud Run names the revision (cloudbuild/README.md).
resource "google_cloud_run_v2_service" "this" {
  project              = var.project
  location             = var.region
  name                 = var.service.name
  ingress              = var.service.public ? "INGRESS_TRAFFIC_ALL" : "INGRESS_TRAFFIC_INTERNAL_ONLY"
  invoker_iam_disabled = false
  deletion_protection  = var.deletion_protection

  template {
    service_account                  = var.service.account
    encryption_key                   = var.kms_key
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2" # the sandbox needs its kernel
    timeout                          = "${var.service.timeout_s}s"
    max_instance_request_concurrency = var.service.concurrency + 8 # probes, jobs, and 429 for the rest

    scaling {
      min_instance_count = var.service.least
      max_instance_count = var.service.most
    }

    vpc_access {
      egress = "ALL_TRAFFIC"

      network_interfaces {
        network    = var.network
        subnetwork = var.subnet
      }
    }

    containers {
      name       = var.name
      image      = var.image
      command    = var.service.api ? ["python", "-m", "deploy.cloudrun.api", var.name] : null
      depends_on = var.service.database ? ["database"] : null

      ports {
        container_port = 8080
      }

      resources {
        # Without a request there is no processor, but for who works without being asked.
        cpu_idle          = !var.service.always_on
        startup_cpu_boost = true

        limits = {
          cpu    = var.service.cpu
          memory = var.service.memory
        }
      }

      dynamic "env" {
        for_each = var.service.environment

        content {
          name  = env.key
          value = env.value
        }
      }

      # Ready: it has its stores, its keys, and the keys of those who call.
      startup_probe {
        initial_delay_seconds = 0
        period_seconds        = 5
        timeout_seconds       = 5
        failure_threshold     = 24

        http_get {
          path = "/ready"
          port = 8080
        }
      }

      # Alive: whether its stores are, is not its fault, and starting again would not mend them.
      liveness_probe {
        period_seconds    = 30
        timeout_seconds   = 5
        failure_threshold = 4

        http_get {
          path = "/health"
          port = 8080
        }
      }
    }

    # It logs in by IAM as the deployable's own account, so that no password exists.
    dynamic "containers" {
      for_each = var.service.database ? [var.database] : []

      content {
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
          "--max-sigterm-delay=9s",
          containers.value,
        ]

        resources {
          cpu_idle = !var.service.always_on

          limits = {
            cpu    = "1"
            memory = "256Mi"
          }
        }

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

  traffic {
    type    = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
    percent = 100
  }

  lifecycle {
    ignore_changes = [
      client,
      client_version,
      template[0].containers[0].image,
      traffic,
    ]
  }

  depends_on = [var.after]
}

resource "google_cloud_run_v2_service_iam_member" "this" {
  for_each = var.grants

  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.this.name
  role     = each.value.role
  member   = each.value.member
}
