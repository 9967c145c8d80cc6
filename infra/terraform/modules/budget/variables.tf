variable "billing_account" {
  description = "Who pays."
  type        = string
}

variable "project_number" {
  description = "Of the project whose spend is watched."
  type        = string
}

variable "amount" {
  description = "Per month, in whole units of the currency."
  type        = number
}

variable "currency" {
  description = "The billing account's, as EUR."
  type        = string
}

variable "channels" {
  description = "Notification channels that are told."
  type        = list(string)
}
