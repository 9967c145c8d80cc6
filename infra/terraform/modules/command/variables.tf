variable "project" {
  description = "Where it runs."
  type        = string
}

variable "region" {
  description = "Where in the world."
  type        = string
}

variable "name" {
  description = "Of the job."
  type        = string
}

variable "account" {
  description = "Whom it runs as."
  type        = string
}

variable "arguments" {
  description = "What it does where nobody says more."
  type        = list(string)
}

variable "environment" {
  description = "By variable, where the command finds what it works on."
  type        = map(string)
}

variable "timeout_s" {
  description = "Seconds after which it is ended."
  type        = number
}

variable "image" {
  description = "The operator's image, by digest."
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "An image is named by its digest (…@sha256:…): a tag can be moved."
  }
}

variable "proxy_image" {
  description = "The Cloud SQL Auth Proxy, by digest."
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.proxy_image))
    error_message = "An image is named by its digest (…@sha256:…): a tag can be moved."
  }
}

variable "kms_key" {
  description = "The key of its image as it is run."
  type        = string
}

variable "network" {
  description = "The network that it leaves by."
  type        = string
}

variable "subnet" {
  description = "The subnet of it."
  type        = string
}

variable "database" {
  description = "What the proxy is told to connect to."
  type        = string
}

variable "grants" {
  description = "Who may start and release it."
  type        = map(object({ on = string, role = string, member = string, condition = optional(string) }))
}

variable "after" {
  description = "What must be there first; only its order counts."
  type        = any
}
