# Its bucket is named when Terraform is initialised: terraform init -backend-config="bucket=…"
# The state holds the internal token: the bucket has a key, versions, and few readers (docs/deployment).
terraform {
  backend "gcs" {
    prefix = "docledger"
  }
}
