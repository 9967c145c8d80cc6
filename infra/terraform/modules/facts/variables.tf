variable "project" {
  description = "The project's id."
  type        = string
}

variable "number" {
  description = "The project's number: Google's own accounts are named by it."
  type        = string
}

variable "region" {
  description = "Where everything is."
  type        = string
}

variable "external" {
  description = "By external identity of iam.yaml, IAM members outside the project, as group:partners@example.com."
  type        = map(set(string))
  default     = {}
}

variable "tenant" {
  description = "Whose documents the uploads bucket takes."
  type        = string
}

variable "origin" {
  description = "What the logs' names begin with, a schema-less URL. It is in every checkpoint: never change it."
  type        = string
}

variable "callers" {
  description = "By account (e-mail address), the tenant whose documents it hands in."
  type        = map(string)
  default     = {}
}

variable "readers" {
  description = "By account (e-mail address), the tenants whose logs it reads; * is all."
  type        = map(set(string))
  default     = {}
}

variable "token_versions" {
  description = "Versions of the token that starts internal jobs; two while it is exchanged, none before it is made."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.token_versions) <= 2 && alltrue([for version in var.token_versions : can(regex("^[1-9][0-9]*$", version))])
    error_message = "At most two numbers of versions, as [\"3\", \"4\"]."
  }
}

variable "settings" {
  description = "By deployable or run job, variables that this installation sets besides."
  type        = map(map(string))
  default     = {}
}

# Not an object type: it would drop a misspelt name without a word, and what that name keeps with it.
variable "retention" {
  description = "How long documents are kept, and which must stay, as services/ingest/policy.py says; null keeps everything."
  type        = any
  default     = null

  validation {
    condition = try(alltrue(concat(
      [for name in keys(var.retention) : contains(["keep_days", "tenants", "hold"], name)],
      [for its in values(try(var.retention.tenants, {})) : toset(keys(its)) == toset(["keep_days"])],
      [for name in keys(try(var.retention.hold, {})) : contains(["tenants", "documents"], name)],
    )), var.retention == null)
    error_message = "A policy has keep_days, tenants = { NAME = { keep_days } } and hold = { tenants, documents }; nothing else."
  }

  validation {
    condition = try(alltrue(flatten([
      for rules in concat([try(var.retention.keep_days, {})], [for its in values(try(var.retention.tenants, {})) : its.keep_days]) : [
        for kind, days in rules : contains(local.kept_kinds, kind) && days >= 1 && days <= 36500 && floor(days) == days
      ]
    ])), false)
    error_message = "keep_days has whole days, 1 to 36500, by kind: ${join(", ", local.kept_kinds)}."
  }

  validation {
    condition = try(alltrue([
      for document in try(var.retention.hold.documents, []) : can(regex("^[0-9a-f]{40}$", document))
    ]), false)
    error_message = "hold.documents has ids of documents, 40 hexadecimal digits each."
  }
}
