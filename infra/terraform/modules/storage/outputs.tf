output "buckets" {
  description = "By short name, a bucket's name; known when those who work in it may."
  value       = { for name, bucket in google_storage_bucket.this : name => bucket.name }
  depends_on  = [google_storage_bucket_iam_member.this]
}
