variable "project" {
  description = "The project's id."
  type        = string
}

variable "number" {
  description = "The project's number."
  type        = string
}

variable "region" {
  description = "Where everything is."
  type        = string
  default     = "europe-west3"
}

variable "origin" {
  description = "What the logs' names begin with. Set it once."
  type        = string
}

variable "images" {
  description = "The first images, by digest; null in a first apply."
  type        = map(string)
  default     = null
}

variable "token_versions" {
  description = "Versions of the internal token."
  type        = list(string)
  default     = []
}

variable "external" {
  description = "Who may call the two APIs: partners, auditors."
  type        = map(set(string))
  default     = {}
}

variable "callers" {
  description = "Whose documents a partner's account hands in."
  type        = map(string)
  default     = {}
}

variable "readers" {
  description = "Whose logs an auditor's account reads."
  type        = map(set(string))
  default     = {}
}

variable "billing_account" {
  description = "Who pays."
  type        = string
}

variable "channels" {
  description = "Notification channels."
  type        = list(string)
  default     = []
}

variable "retention" {
  description = "How long documents are kept, and which must stay; null keeps everything."
  type        = any
  default     = null
}
