output "services" {
  description = "By deployable, its address."
  value       = { for name, its in module.facts.services : name => its.url }
}

output "buckets" {
  description = "By short name, a bucket."
  value       = module.storage.buckets
}

output "repository" {
  description = "What an image's name begins with."
  value       = { for name, repository in module.registry : name => repository.repository }
}

output "memberships" {
  description = "What the database's administrator runs once, before the first migration: the group roles, that the migrator may make schemas, who is a member of which role."
  value = concat(
    [for role in keys(module.facts.database.roles) : "CREATE ROLE ${role} NOLOGIN;"],
    ["GRANT CREATE ON DATABASE ${module.facts.database.database} TO \"${module.facts.logins[module.facts.database.owner]}\";"],
    flatten([
      for role, members in module.facts.database.roles : [
        for member in members : "GRANT ${role} TO \"${module.facts.logins[member]}\";"
      ]
    ]),
  )
}

output "commands" {
  description = "The jobs that run commands: migrate at a release, the others for a person."
  value       = [for job in module.command : job.name]
}
