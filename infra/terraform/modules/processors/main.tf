# A request to Document AI carries no key: the processor has it.
resource "google_document_ai_processor" "this" {
  for_each = var.types

  project      = var.project
  location     = var.location
  display_name = "docledger-${replace(each.key, "_", "-")}"
  type         = each.value
  kms_key_name = var.kms_key
}
