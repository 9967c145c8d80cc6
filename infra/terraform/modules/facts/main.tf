# What infra/topology.yaml and infra/iam.yaml mean in one project. No resource and no provider: tests
# have Terraform itself work it out, offline.
locals {
  folder   = "${path.module}/../../.."
  iam      = yamldecode(file("${local.folder}/iam.yaml"))
  topology = yamldecode(file("${local.folder}/topology.yaml"))

  # A name in iam.yaml is a template over these three.
  filled = {
    for table in ["buckets", "agents", "repositories", "secrets", "services", "run_jobs", "log_buckets"] : table => {
      for name, its in local.iam[table] : name => replace(replace(replace(
        try(its.name, its),
        "{project}", var.project), "{region}", var.region), "{number}", var.number
      )
    }
  }
}

# --- Pub/Sub -------------------------------------------------------------------------------------
locals {
  heard = {
    for name, its in local.topology.subscriptions : name => merge(local.topology.defaults, its)
  }
  letters = { for name, its in local.heard : "${name}.dead" => merge(its, { topic = "${name}.dead", of = name }) }

  topics = toset(concat(
    [for its in values(local.heard) : its.topic],
    keys(local.letters),
    keys(try(local.topology.foreign, {})),
    try(local.topology.unsubscribed, []),
  ))

  subscriptions = {
    for name, its in merge(local.heard, local.letters) : name => {
      topic       = its.topic
      worker      = its.worker
      endpoint    = "${local.urls[its.worker]}/push/${name}"
      audience    = local.urls[its.worker]
      account     = local.emails[local.invokers[name]]
      lease_s     = max(10, ceil(its.lease_s))
      backoff_s   = its.backoff_s
      retention_s = its.retention_s
      # A dead letter has nowhere else to go: it is handed out without limit.
      dead_topic = contains(keys(local.heard), name) ? "${name}.dead" : null
      attempts   = contains(keys(local.heard), name) ? its.attempts : null
    }
  }
}

# --- who -----------------------------------------------------------------------------------------
locals {
  invokers = {
    for name, its in merge(local.heard, local.letters) :
    name => "push-${substr(its.worker, 0, min(8, length(its.worker)))}-${substr(sha256(name), 0, 6)}"
  }

  # By identity: the id of its account, and what it is shown as.
  accounts = merge(
    {
      for name, its in local.iam.identities : name => {
        id   = "docledger-${name}"
        does = its.does
      } if its.kind != "external"
    },
    {
      for subscription, name in local.invokers : name => {
        id   = "docledger-${name}"
        does = "pushes ${subscription}"
      }
    },
  )
  emails = {
    for name in keys(local.accounts) :
    name => replace(replace(local.iam.names.account, "{name}", name), "{project}", var.project)
  }

  # By identity, agent (agent/…) or external identity, the IAM members that it is.
  members = merge(
    { for name, email in local.emails : name => toset(["serviceAccount:${email}"]) },
    { for name, email in local.filled.agents : "agent/${name}" => toset(["serviceAccount:${email}"]) },
    {
      for name, its in local.iam.identities : name => lookup(var.external, name, toset([]))
      if its.kind == "external"
    },
  )
}

# --- where ---------------------------------------------------------------------------------------
locals {
  ring = { for name, its in local.iam.rings : name => its.name }
  key_id = {
    for name, its in local.iam.keys :
    name => "projects/${var.project}/locations/${var.region}/keyRings/${local.ring[its.ring]}/cryptoKeys/${its.name}"
  }

  # The form of a service's address that is known before the service is.
  urls = {
    for name, its in local.iam.services : name => "https://${its.name}-${var.number}.${var.region}.run.app"
  }

  kinds = {
    account      = keys(local.accounts)
    bucket       = keys(local.iam.buckets)
    key          = keys(local.iam.keys)
    repository   = keys(local.iam.repositories)
    ring         = keys(local.iam.rings)
    run_job      = keys(local.iam.run_jobs)
    secret       = keys(local.iam.secrets)
    service      = keys(local.iam.services)
    subscription = keys(local.subscriptions)
    topic        = tolist(local.topics)
  }
}
