provider "google" {
  project               = var.project
  region                = var.region
  billing_project       = var.project
  user_project_override = true

  default_labels = {
    app         = "docledger"
    environment = "prod"
  }
}

module "docledger" {
  source = "../../modules/docledger"

  project        = var.project
  number         = var.number
  region         = var.region
  origin         = var.origin
  other_tenants  = ["smoke"] # a release hands its documents in as this tenant
  images         = var.images
  token_versions = var.token_versions
  external       = var.external
  callers        = var.callers
  readers        = var.readers
  channels       = var.channels
  retention      = var.retention
  database       = { tier = "db-custom-4-15360", backup_days = 14 }
  budget         = { billing_account = var.billing_account, amount = 3000 }
}
