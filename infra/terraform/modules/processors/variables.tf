variable "project" {
  description = "Whose processors these are."
  type        = string
}

variable "location" {
  description = "Where they read: a region that has Document AI, the one of the key."
  type        = string
}

variable "kms_key" {
  description = "The key that they keep pages under while they read."
  type        = string
}

variable "types" {
  description = "By kind, the type of a processor."
  type        = map(string)
}
