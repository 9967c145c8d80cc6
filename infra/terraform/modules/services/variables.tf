variable "project" {
  description = "Whose APIs are enabled."
  type        = string
}

variable "apis" {
  description = "Names of APIs, as pubsub.googleapis.com."
  type        = set(string)
}
