output "connection" {
  description = "What the proxy is told to connect to."
  value       = google_sql_database_instance.this.connection_name
}

output "instance" {
  description = "The instance's name."
  value       = google_sql_database_instance.this.name
}

output "databases" {
  description = "The databases' names."
  value       = toset([for database in google_sql_database.this : database.name])
}
