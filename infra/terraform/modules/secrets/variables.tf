variable "project" {
  description = "Whose secrets these are."
  type        = string
}

variable "region" {
  description = "The only place where they are kept."
  type        = string
}

variable "secrets" {
  description = "By short name, a secret's id and its key's data class."
  type        = map(object({ name = string, key = string }))
}

variable "keys" {
  description = "By data class, a key's id."
  type        = map(string)
}

variable "grants" {
  description = "Who may read a secret; `on` is its short name."
  type        = map(object({ on = string, role = string, member = string, condition = optional(string) }))
}
