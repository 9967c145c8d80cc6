variable "project" {
  description = "Whose topics these are."
  type        = string
}

variable "region" {
  description = "The only place where messages are kept."
  type        = string
}

variable "kms_key" {
  description = "The key of every topic."
  type        = string
}

variable "topics" {
  description = "The topics' ids, dead letters' included."
  type        = set(string)
}

variable "subscriptions" {
  description = "By id, a subscription that pushes."
  type = map(object({
    topic       = string
    worker      = string
    endpoint    = string
    audience    = string
    account     = string
    lease_s     = number
    backoff_s   = tuple([number, number])
    retention_s = number
    dead_topic  = optional(string)
    attempts    = optional(number)
  }))

  validation {
    condition     = alltrue([for its in var.subscriptions : startswith(its.endpoint, "https://")])
    error_message = "A push goes to an https:// address."
  }
}

variable "topic_grants" {
  description = "Who may publish; `on` is a topic."
  type        = map(object({ on = string, role = string, member = string, condition = optional(string) }))
}

variable "subscription_grants" {
  description = "Who may take; `on` is a subscription."
  type        = map(object({ on = string, role = string, member = string, condition = optional(string) }))
}
