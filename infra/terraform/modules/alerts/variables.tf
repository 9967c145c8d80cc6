variable "project" {
  description = "What is watched."
  type        = string
}

variable "channels" {
  description = "Notification channels that are told."
  type        = list(string)
}

variable "refusing_rules" {
  description = "Names of the firewall rules that log what they refuse."
  type        = list(string)
}

variable "sent_bytes_per_s" {
  description = "By deployable, how much it may send in a second, for ten minutes on end."
  type        = map(number)
}
