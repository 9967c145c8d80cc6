# docledger in one project. The order is the one in which things may be used: APIs, accounts, keys with
# those who may use them, what lies under the keys, what runs. It follows from outputs that wait: a
# project's id for its APIs, a role's name for the accounts, a key's id for those who encrypt with it.
module "services" {
  source = "../services"

  project = var.project
  apis    = local.apis
}

module "identities" {
  source = "../identities"

  project        = module.services.project
  accounts       = module.facts.accounts
  roles          = module.facts.roles
  account_grants = module.facts.grants.account
  project_grants = module.facts.grants.project
}

module "kms" {
  source = "../kms"

  project          = module.services.project
  region           = var.region
  rings            = module.facts.rings
  keys             = module.facts.keys
  tenants          = setunion([var.tenant], var.other_tenants)
  protection_level = var.protection_level
  key_grants       = local.grants.key
  ring_grants      = local.grants.ring
}

module "network" {
  source = "../network"

  project      = module.services.project
  region       = var.region
  subnets      = { deployables = var.addresses.deployables }
  peered_range = var.addresses.peered
}

module "pubsub" {
  source = "../pubsub"

  project             = module.services.project
  region              = var.region
  kms_key             = module.kms.keys.events
  topics              = module.facts.topics
  subscriptions       = module.facts.subscriptions
  topic_grants        = local.grants.topic
  subscription_grants = local.grants.subscription
}

module "storage" {
  source = "../storage"

  project    = module.services.project
  region     = var.region
  buckets    = module.facts.buckets
  keys       = module.kms.keys
  topics     = module.pubsub.topics
  grants     = local.grants.bucket
  lock_audit = var.protected
}

module "secrets" {
  source = "../secrets"

  project = module.services.project
  region  = var.region
  secrets = module.facts.secrets
  keys    = module.kms.keys
  grants  = local.grants.secret
}

module "registry" {
  source   = "../registry"
  for_each = module.facts.repositories

  project = module.services.project
  region  = var.region
  name    = each.value.name
  kms_key = module.kms.keys[each.value.key]
  grants  = { for name, grant in local.grants.repository : name => grant if grant.on == each.key }
}

module "database" {
  source = "../database"

  project             = module.services.project
  region              = var.region
  name                = module.facts.database.instance
  network             = module.network.network
  peered_range        = module.network.peered_range
  kms_key             = module.kms.keys[module.facts.database.key]
  databases           = [module.facts.database.database]
  users               = { for name in keys(module.facts.logins) : name => module.identities.emails[name] }
  tier                = var.database.tier
  highly_available    = var.database.highly_available
  backup_days         = var.database.backup_days
  deletion_protection = var.protected
}

module "processors" {
  source = "../processors"

  project  = module.services.project
  location = var.region
  kms_key  = module.kms.keys.batches
  types    = { for kind, type in module.facts.processors : kind => type if contains(var.processors, kind) }
}

module "deployable" {
  source   = "../deployable"
  for_each = { for name, its in module.facts.services : name => its if local.runs }

  project             = module.services.project
  region              = var.region
  name                = each.key
  service             = merge(each.value, { environment = merge(each.value.environment, lookup(local.made, each.key, {})) })
  image               = var.images[each.value.image]
  proxy_image         = var.images.proxy
  kms_key             = module.kms.keys[each.value.key]
  network             = module.network.network
  subnet              = module.network.subnets.deployables
  database            = module.database.connection
  grants              = { for name, grant in local.grants.service : name => grant if grant.on == each.key }
  deletion_protection = var.protected

  # It starts when what it works on is there, and it may.
  after = [module.identities.ready, module.storage.buckets, module.secrets.secrets, module.pubsub.topics]
}

module "command" {
  source   = "../command"
  for_each = { for name, its in module.facts.run_jobs : name => its if local.migrates }

  project     = module.services.project
  region      = var.region
  name        = each.value.name
  account     = each.value.account
  arguments   = each.value.arguments
  environment = each.value.environment
  timeout_s   = each.value.timeout_s
  image       = var.images.operator
  proxy_image = var.images.proxy
  kms_key     = module.kms.keys[each.value.key]
  network     = module.network.network
  subnet      = module.network.subnets.deployables
  database    = module.database.connection
  grants      = { for name, grant in local.grants.run_job : name => grant if grant.on == each.key }

  # It may do what its commands do when it can be started.
  after = [module.identities.ready, module.storage.buckets, module.pubsub.topics]
}

module "scheduler" {
  source = "../scheduler"
  count  = local.runs ? 1 : 0

  project = module.services.project
  region  = var.region
  account = module.facts.scheduler
  jobs    = module.facts.jobs
  token   = module.facts.token
  after   = [module.identities.ready]
}

module "audit" {
  source = "../audit"

  project     = module.services.project
  region      = var.region
  bucket      = module.storage.buckets.audit
  log_buckets = module.facts.log_buckets
  kms_key     = module.kms.keys.audit
  apis        = local.audited
  lock        = var.protected
}

module "budget" {
  source = "../budget"

  billing_account = var.budget.billing_account
  project_number  = var.number
  amount          = var.budget.amount
  currency        = var.budget.currency
  channels        = var.channels

  depends_on = [module.services]
}

module "alerts" {
  source = "../alerts"

  project          = module.services.project
  channels         = var.channels
  refusing_rules   = module.network.refusing_rules
  sent_bytes_per_s = var.sent_bytes_per_s
}
