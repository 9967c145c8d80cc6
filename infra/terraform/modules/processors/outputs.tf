output "names" {
  description = "By kind, a processor's full name."
  value       = { for kind, processor in google_document_ai_processor.this : kind => processor.id }
}
