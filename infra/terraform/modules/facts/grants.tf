# Every grant, one a member: what iam.yaml says, and what follows from its four rules.
locals {
  # `every: topic` is the same grant on each topic.
  said = flatten([
    for identity, grants in local.iam.grants : [
      for grant in grants : [
        for at in try([for name in local.kinds[grant.every] : "${grant.every}/${name}"], [grant.at]) :
        merge({ under = [], except = [], ending = [], bounded = false }, grant, { identity = identity, at = at })
      ]
    ]
  ])

  ruled = concat(
    # 1. A key's agents encrypt and decrypt with it.
    flatten([
      for name, its in local.iam.keys : [
        for agent in its.agents : { identity = "agent/${agent}", at = "key/${name}", role = "roles/cloudkms.cryptoKeyEncrypterDecrypter" }
      ]
    ]),
    # 2. An invoker calls its worker, and the Pub/Sub agent alone mints its tokens.
    [for name, its in local.subscriptions : { identity = local.invokers[name], at = "service/${its.worker}", role = "roles/run.invoker" }],
    [for name in values(local.invokers) : { identity = "agent/pubsub", at = "account/${name}", role = "roles/iam.serviceAccountOpenIdTokenCreator" }],
    # 3. The Pub/Sub agent moves dead letters.
    [for name in keys(local.letters) : { identity = "agent/pubsub", at = "topic/${name}", role = "roles/pubsub.publisher" }],
    [for name in keys(local.heard) : { identity = "agent/pubsub", at = "subscription/${name}", role = "roles/pubsub.subscriber" }],
    # 4. The storage agent tells of uploads.
    [for its in values(local.iam.buckets) : { identity = "agent/storage", at = "topic/${its.notifies}", role = "roles/pubsub.publisher" } if can(its.notifies)],
  )

  single = flatten([
    for grant in concat(local.said, [for grant in local.ruled : merge({ under = [], except = [], ending = [], bounded = false }, grant)]) : [
      for member in local.members[grant.identity] : {
        key    = join(" ", compact([grant.identity, grant.role, grant.at, local.is_external[grant.identity] ? member : ""]))
        kind   = split("/", grant.at)[0]
        on     = try(regex("^[^/]+/(.+)$", grant.at)[0], "") # nothing on the project
        role   = grant.role
        member = member
        # Which objects, or which database; null where the grant is on all of its resource.
        condition = length(grant.ending) > 0 ? join(" || ", [for end in grant.ending : "resource.name.endsWith(\"${end}\")"]) : length(grant.under) > 0 ? join("", [
          length(grant.except) > 0 ? "(" : "",
          join(" || ", [for prefix in grant.under : "resource.name.startsWith(\"${local.objects}${local.filled.buckets[split("/", grant.at)[1]]}/objects/${prefix}\")"]),
          length(grant.except) > 0 ? ")" : "",
          join("", [for prefix in grant.except : " && !resource.name.startsWith(\"${local.objects}${local.filled.buckets[split("/", grant.at)[1]]}/objects/${prefix}\")"]),
        ]) : grant.bounded ? "resource.name == \"projects/${var.project}/instances/${one(values(local.iam.databases)).instance}\"" : null
      }
    ]
  ])
  objects     = "projects/_/buckets/"
  is_external = { for name in keys(local.members) : name => try(local.iam.identities[name].kind, "") == "external" }

  # By kind of the resource, the grants on it. Each kind has a module that makes them.
  grants = {
    for kind in concat(keys(local.kinds), ["project"]) : kind => {
      for grant in local.single : grant.key => {
        on        = grant.on
        role      = grant.role
        member    = grant.member
        condition = grant.condition
      } if grant.kind == kind
    }
  }
}
