module "facts" {
  source = "../facts"

  project        = var.project
  number         = var.number
  region         = var.region
  tenant         = var.tenant
  origin         = var.origin
  external       = var.external
  callers        = var.callers
  readers        = var.readers
  token_versions = var.token_versions
  settings       = var.settings
  retention      = var.retention
}

locals {
  apis = toset([
    for api in [
      "aiplatform", "artifactregistry", "billingbudgets", "cloudbuild", "cloudkms", "cloudresourcemanager",
      "cloudscheduler", "cloudtrace", "compute", "dns", "documentai", "iam", "iamcredentials", "logging",
      "monitoring", "pubsub", "run", "secretmanager", "servicenetworking", "sqladmin", "storage",
    ] : "${api}.googleapis.com"
  ])

  # APIs through which somebody's data, keys or rights pass.
  audited = toset([
    for api in [
      "aiplatform", "artifactregistry", "cloudkms", "cloudsql", "documentai", "iam", "iamcredentials",
      "pubsub", "run", "secretmanager", "storage",
    ] : "${api}.googleapis.com"
  ])

  # A role of ours by its full name. Which grants there are is iam.yaml's word, and no other's.
  grants = {
    for kind, grants in module.facts.grants : kind => {
      for name, grant in grants : name => merge(grant, { role = lookup(module.identities.roles, grant.role, grant.role) })
    }
  }

  # A first apply has no images yet, for they lie in the registry that it makes. A second one has, and
  # makes the jobs, of which one migrates. Deployables would not start before the schemas and the token
  # are there.
  migrates = var.images != null
  runs     = var.images != null && length(var.token_versions) > 0

  # What is only known when it was made.
  made = {
    ocr = {
      DOCLEDGER_OCR_PROCESSORS = join(",", [for kind, name in module.processors.names : "${kind}=${name}"])
    }
  }
}
