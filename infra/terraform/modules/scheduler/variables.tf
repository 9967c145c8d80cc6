variable "project" {
  description = "Whose jobs these are."
  type        = string
}

variable "region" {
  description = "Where they are started from."
  type        = string
}

variable "account" {
  description = "Whose OIDC token a call carries."
  type        = string
}

variable "jobs" {
  description = "By name, what is called, and when (UTC)."
  type        = map(object({ url = string, audience = string, schedule = string, timeout = number }))
}

variable "token" {
  description = "The secret whose value a call carries besides, and its versions; the last one is used."
  type        = object({ secret = string, versions = list(string) })
}

variable "after" {
  description = "What must be there first; only its order counts."
  type        = any
}
