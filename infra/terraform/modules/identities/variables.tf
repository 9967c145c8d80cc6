variable "project" {
  description = "Whose identities these are."
  type        = string
}

variable "accounts" {
  description = "By identity, the id of its account and what it does."
  type        = map(object({ id = string, does = string }))
}

variable "roles" {
  description = "By short name, a custom role."
  type        = map(object({ title = string, permissions = set(string) }))
}

variable "account_grants" {
  description = "Who may act as an account, or mint its tokens; `on` is an identity."
  type        = map(object({ on = string, role = string, member = string, condition = optional(string) }))
}

variable "project_grants" {
  description = "What Google checks against the project and nothing narrower."
  type        = map(object({ on = string, role = string, member = string, condition = optional(string) }))
}
