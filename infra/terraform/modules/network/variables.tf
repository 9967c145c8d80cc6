variable "project" {
  description = "Whose network it is."
  type        = string
}

variable "region" {
  description = "Of the subnets."
  type        = string
}

variable "subnets" {
  description = "By name, the addresses (CIDR) of those deployables that leave by it."
  type        = map(string)
}

variable "peered_range" {
  description = "Addresses (CIDR) for Google's services that have a private one here: Cloud SQL."
  type        = string
}
