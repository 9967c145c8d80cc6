output "network" {
  description = "The network's id; known when what is peered with it can be made."
  value       = google_compute_network.this.id
  depends_on  = [google_service_networking_connection.peered]
}

output "subnets" {
  description = "By name, a subnet's id."
  value       = { for name, subnet in google_compute_subnetwork.this : name => subnet.id }
}

output "peered_range" {
  description = "The name of the addresses that peered services take theirs from."
  value       = google_compute_global_address.peered.name
}

output "refusing_rules" {
  description = "The names of the rules whose logs tell of who wanted to leave."
  value       = [google_compute_firewall.nowhere.name]
}
