variable "project" {
  description = "The project's id. It is docledger's alone."
  type        = string
}

variable "number" {
  description = "The project's number."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{6,}$", var.number))
    error_message = "A project's number, as gcloud projects describe tells it."
  }
}

variable "region" {
  description = "Where everything is. It must have Document AI and Vertex AI."
  type        = string
}

variable "origin" {
  description = "What the logs' names begin with, a schema-less URL. It is in every checkpoint: never change it."
  type        = string
}

variable "tenant" {
  description = "Whose documents the uploads bucket takes."
  type        = string
  default     = "default"
}

variable "other_tenants" {
  description = "Tenants whose documents come by the partner API alone; each has a log, and a key that signs it."
  type        = set(string)
  default     = []
}

variable "external" {
  description = "By external identity of iam.yaml, IAM members: partners and auditors call their API, operators and custodians start jobs."
  type        = map(set(string))
  default     = {}
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

variable "images" {
  description = "By folder of services/, and for the operator and the database's proxy, the first image, by digest; null before there are any."
  type = object({
    ingest    = string
    ocr       = string
    summarize = string
    ledger    = string
    operator  = string
    proxy     = string
  })
  default = null

  validation {
    condition     = var.images == null ? true : alltrue([for image in values(var.images) : can(regex("@sha256:[0-9a-f]{64}$", image))])
    error_message = "An image is named by its digest (…@sha256:…): a tag can be moved."
  }
}

variable "token_versions" {
  description = "Versions of the token that starts internal jobs: none before it is made (nothing runs without), two while it is exchanged."
  type        = list(string)
  default     = []
}

variable "settings" {
  description = "By deployable or run job, variables that this installation sets besides."
  type        = map(map(string))
  default     = {}
}

variable "retention" {
  description = "How long documents are kept, and which must stay, as services/ingest/policy.py says; null keeps everything."
  type        = any
  default     = null
}

variable "processors" {
  description = "Kinds of Document AI processors; not every region has all of them."
  type        = set(string)
  default     = ["ocr", "invoice", "expense", "bank_statement"]
}

variable "addresses" {
  description = "Addresses (CIDR) of the network: of the deployables, and of the services that are peered with it."
  type        = object({ deployables = string, peered = string })
  default     = { deployables = "10.8.0.0/22", peered = "10.9.0.0/16" }
}

variable "database" {
  description = "How large the database is, whether a second machine takes over, and how many nightly backups are kept."
  type = object({
    tier             = string
    highly_available = optional(bool, true)
    backup_days      = optional(number, 14)
  })
}

variable "budget" {
  description = "What a month may cost before somebody is told."
  type        = object({ billing_account = string, amount = number, currency = optional(string, "EUR") })
}

variable "channels" {
  description = "Cloud Monitoring's notification channels that alerts go to."
  type        = list(string)
}

variable "sent_bytes_per_s" {
  description = "By deployable that parses foreign files, how much it may send in a second, for ten minutes on end."
  type        = map(number)
  default     = { ingest = 40000000, ocr = 200000000, summarize = 20000000 }
}

variable "protection_level" {
  description = "SOFTWARE or HSM, of the keys that encrypt."
  type        = string
  default     = "HSM"
}

variable "protected" {
  description = "Whether databases and services refuse to be deleted, and audit records to be forgotten sooner."
  type        = bool
  default     = true
}
