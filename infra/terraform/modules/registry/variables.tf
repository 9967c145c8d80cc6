variable "project" {
  description = "Whose images these are."
  type        = string
}

variable "region" {
  description = "Where they lie."
  type        = string
}

variable "kms_key" {
  description = "The key that they lie under."
  type        = string
}

variable "name" {
  description = "The repository's id."
  type        = string
}

variable "grants" {
  description = "Who pushes and who pulls."
  type        = map(object({ on = string, role = string, member = string, condition = optional(string) }))
}
