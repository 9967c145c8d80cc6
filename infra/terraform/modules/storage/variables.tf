variable "project" {
  description = "Whose buckets these are."
  type        = string
}

variable "region" {
  description = "Where they are."
  type        = string
}

variable "buckets" {
  description = "By short name, a bucket."
  type = map(object({
    name              = string
    key               = string           # its data class
    notifies          = optional(string) # the topic that hears of every object
    delete_after_days = optional(number)
    retention_days    = optional(number) # of audit records alone: content must be erasable
    prefixes          = optional(map(string), {})
  }))

  validation {
    condition     = alltrue([for name, its in var.buckets : its.retention_days == null || name == "audit"])
    error_message = "Content must be erasable: only audit records are retained."
  }
}

variable "keys" {
  description = "By data class, a key's id."
  type        = map(string)
}

variable "topics" {
  description = "By name, a topic's id; known when Cloud Storage may publish there."
  type        = map(string)
}

variable "grants" {
  description = "Who may what in a bucket; `on` is its short name."
  type        = map(object({ on = string, role = string, member = string, condition = optional(string) }))
}

variable "lock_audit" {
  description = "Whether the retention of audit records can never be shortened again."
  type        = bool
  default     = false
}
