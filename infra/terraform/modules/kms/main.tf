# A key a data class. Destroying one destroys what lies under it, so Terraform refuses to.
resource "google_kms_key_ring" "this" {
  for_each = var.rings

  project  = var.project
  location = var.region
  name     = each.value

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_kms_crypto_key" "this" {
  for_each = var.keys

  key_ring                   = google_kms_key_ring.this[each.value.ring].id
  name                       = each.value.name
  purpose                    = "ENCRYPT_DECRYPT"
  rotation_period            = "${each.value.rotation_days * 86400}s"
  destroy_scheduled_duration = "2592000s" # thirty days in which a mistake can be taken back

  version_template {
    algorithm        = "GOOGLE_SYMMETRIC_ENCRYPTION"
    protection_level = var.protection_level
  }

  lifecycle {
    prevent_destroy = true
  }
}

# Each log signs with a key of its own. It is exchanged by `docledger keys`, with an overlap that
# auditors can follow; a rotation by the calendar would be a fork to them.
resource "google_kms_crypto_key" "log" {
  for_each = var.tenants

  key_ring                   = google_kms_key_ring.this["signers"].id
  name                       = "log-${each.value}"
  purpose                    = "ASYMMETRIC_SIGN"
  destroy_scheduled_duration = "2592000s"

  version_template {
    algorithm        = "EC_SIGN_ED25519"
    protection_level = "SOFTWARE" # Ed25519 is made in software
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_kms_crypto_key_iam_member" "this" {
  for_each = var.key_grants

  crypto_key_id = google_kms_crypto_key.this[each.value.on].id
  role          = each.value.role
  member        = each.value.member
}

resource "google_kms_key_ring_iam_member" "this" {
  for_each = var.ring_grants

  key_ring_id = google_kms_key_ring.this[each.value.on].id
  role        = each.value.role
  member      = each.value.member
}
