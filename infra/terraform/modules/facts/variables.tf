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
  description = "By deployable, variables that this installation sets besides."
  type        = map(map(string))
  default     = {}
}
