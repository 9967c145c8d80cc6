variable "project" {
  description = "Whose calls are recorded."
  type        = string
}

variable "region" {
  description = "Where the records lie."
  type        = string
}

variable "bucket" {
  description = "The bucket that they are archived in; known when Cloud Logging may write there."
  type        = string
}

variable "log_buckets" {
  description = "By short name, a log bucket: `audit` for these records, `others` for what else is logged."
  type        = map(object({ name = string, retention_days = number }))
}

variable "kms_key" {
  description = "The key of the log buckets."
  type        = string
}

variable "apis" {
  description = "APIs of which reading and writing data is recorded, too."
  type        = set(string)
}

variable "lock" {
  description = "Whether their retention can never be shortened again."
  type        = bool
  default     = false
}
