output "docledger" {
  description = "Addresses, buckets, and what is left to be done by hand."
  value       = module.docledger
}
