variable "project" {
  description = "Where it runs."
  type        = string
}

variable "region" {
  description = "Where in the world."
  type        = string
}

variable "name" {
  description = "Of the deployable, as deploy/cloudrun knows it."
  type        = string
}

variable "service" {
  description = "What it is run with: modules/facts."
  type = object({
    name        = string
    account     = string
    environment = map(string)
    public      = bool
    api         = bool
    always_on   = bool
    database    = bool
    cpu         = string
    memory      = string
    least       = number
    most        = number
    concurrency = number
    timeout_s   = number
  })
}

variable "image" {
  description = "Its image, by digest."
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
  description = "Who may call it, release it, or look at it."
  type        = map(object({ on = string, role = string, member = string, condition = optional(string) }))
}

variable "deletion_protection" {
  description = "Whether Terraform refuses to delete it."
  type        = bool
  default     = true
}

variable "after" {
  description = "What must be there first; only its order counts."
  type        = any
}
