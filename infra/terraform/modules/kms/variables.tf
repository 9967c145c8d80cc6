variable "project" {
  description = "Whose keys these are."
  type        = string
}

variable "region" {
  description = "Where they are; what they encrypt is in the same place."
  type        = string
}

variable "rings" {
  description = "By short name, a key ring's name."
  type        = map(string)
}

variable "keys" {
  description = "By data class, a key."
  type        = map(object({ name = string, ring = string, rotation_days = number }))

  validation {
    condition     = alltrue([for key in var.keys : key.rotation_days >= 1 && key.rotation_days <= 365])
    error_message = "A key rotates at least once a year."
  }
}

variable "tenants" {
  description = "Whose logs have a signing key here."
  type        = set(string)
}

variable "protection_level" {
  description = "SOFTWARE or HSM, of the keys that encrypt."
  type        = string
  default     = "HSM"
}

variable "key_grants" {
  description = "Who encrypts and decrypts with which key; `on` is a data class."
  type        = map(object({ on = string, role = string, member = string, condition = optional(string) }))
}

variable "ring_grants" {
  description = "Who may what with every key of a ring; `on` is its short name."
  type        = map(object({ on = string, role = string, member = string, condition = optional(string) }))
}
