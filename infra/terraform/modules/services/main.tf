# The APIs that the project uses. Taking one away here disables nothing: whoever else uses it in the
# project would be cut off with us.
resource "google_project_service" "this" {
  for_each = var.apis

  project            = var.project
  service            = each.value
  disable_on_destroy = false
}
