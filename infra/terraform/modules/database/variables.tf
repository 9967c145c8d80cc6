variable "project" {
  description = "Whose database it is."
  type        = string
}

variable "region" {
  description = "Where it stands; its second machine stands in another zone of it."
  type        = string
}

variable "name" {
  description = "The server's name."
  type        = string
}

variable "network" {
  description = "The network that it has an address in; the only one."
  type        = string
}

variable "peered_range" {
  description = "The name of the addresses that it takes its own from."
  type        = string
}

variable "kms_key" {
  description = "The key of its disks and backups."
  type        = string
}

variable "users" {
  description = "By name, the e-mail address of a service account that may log in, without a password."
  type        = map(string)
}

variable "databases" {
  description = "Names of the databases in it."
  type        = set(string)
}

variable "tier" {
  description = "How large a machine it is."
  type        = string
}

variable "highly_available" {
  description = "Whether a second machine takes over."
  type        = bool
  default     = true
}

variable "deletion_protection" {
  description = "Whether Terraform and the API refuse to delete it."
  type        = bool
  default     = true
}

variable "backup_days" {
  description = "How many backups are kept, one a night: days while no night is missed. `docledger doctor` tells of one older than 30 days."
  type        = number
  default     = 14

  validation {
    condition     = var.backup_days >= 7 && var.backup_days <= 30
    error_message = "What is erased is in no backup after 30 days: keep 7 to 30."
  }
}
