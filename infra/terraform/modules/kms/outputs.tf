output "keys" {
  description = "By data class, a key's id. Known when Google's services may use it: a bucket, topic or database that is made before is refused."
  value       = { for name, key in google_kms_crypto_key.this : name => key.id }
  depends_on  = [google_kms_crypto_key_iam_member.this]
}

output "log_keys" {
  description = "By tenant, the id of the key that signs its log."
  value       = { for tenant, key in google_kms_crypto_key.log : tenant => key.id }
}
