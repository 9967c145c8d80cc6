output "accounts" {
  description = "By identity, the id of its account and what it does; invokers with them."
  value       = local.accounts
}

output "rings" {
  description = "By short name, a key ring's name."
  value       = local.ring
}

output "keys" {
  description = "By data class: its key's name, ring and rotation, and who uses it for us."
  value       = local.iam.keys
}

output "buckets" {
  description = "By short name: the bucket's name, its key's class, and what else iam.yaml says of it."
  value       = { for name, its in local.iam.buckets : name => merge(its, { name = local.filled.buckets[name] }) }
}

output "roles" {
  description = "By short name, a custom role's title and permissions."
  value       = local.iam.roles
}

output "grants" {
  description = "By kind of resource and by grant: on what, which role, whose, under which condition."
  value       = local.grants
}

output "topics" {
  description = "The topics' ids, dead letters' included."
  value       = local.topics
}

output "subscriptions" {
  description = "By id, a subscription: its topic, push, clocks and dead letters' topic."
  value       = local.subscriptions
}

output "secrets" {
  description = "By short name, a secret's id and its key's class."
  value       = { for name, its in local.iam.secrets : name => { name = local.filled.secrets[name], key = its.key } }
}

output "repositories" {
  description = "By short name, a repository's id and its key's class."
  value       = { for name, its in local.iam.repositories : name => { name = local.filled.repositories[name], key = its.key } }
}

output "log_buckets" {
  description = "By short name, a log bucket of Cloud Logging."
  value       = local.iam.log_buckets
}

output "database" {
  description = "The PostgreSQL server: its name, its database, its key's class, and by role its members."
  value       = local.database
}

output "logins" {
  description = "By identity that logs in to the database, what it is called there."
  value = {
    for name in toset(concat([local.database.owner], flatten(values(local.database.roles)))) : name => local.logins[name]
  }
}

output "services" {
  description = "By deployable, its Cloud Run service."
  value = {
    for name, its in local.iam.services : name => merge(local.shapes[name], {
      name        = its.name
      key         = its.key
      public      = can(its.public)
      account     = local.emails[name]
      url         = local.urls[name]
      environment = local.environment[name]
      database    = length(local.databases_told[name]) > 0
    })
  }
}

output "run_jobs" {
  description = "By short name, a Cloud Run job: its name, its key's class, its identity, and what it runs."
  value = {
    for name, its in local.iam.run_jobs : name => merge(its, local.commands[name], {
      account     = local.emails[its.identity]
      environment = local.commanded[name]
    })
  }
}

output "jobs" {
  description = "By deployable and job, what the scheduler calls, and when."
  value = merge([
    for name, its in local.iam.services : {
      for job in try(its.jobs, []) : "${name}-${job}" => {
        url      = "${local.urls[name]}/internal/jobs/${job}"
        audience = local.urls[name]
        schedule = local.schedules["${name}-${job}"]
        timeout  = local.shapes[name].timeout_s
      }
    }
  ]...)
}

output "processors" {
  description = "By kind, the type of a Document AI processor."
  value       = local.processors
}

output "token" {
  description = "The secret that starts internal jobs, and the versions that do now."
  value       = { secret = local.filled.secrets["internal-event-token"], versions = var.token_versions }
}

output "scheduler" {
  description = "Whose token the scheduler's calls carry."
  value       = local.emails.scheduler
}
