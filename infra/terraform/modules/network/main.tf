# A network that leads to Google's APIs and to the database, and nowhere else. Who parses foreign
# files must not be able to send them away: every packet that leaves it for another place is refused,
# logged, and told of (modules/alerts).
locals {
  # private.googleapis.com: Google's APIs by an address that is reached from here alone.
  apis  = ["199.36.153.8", "199.36.153.9", "199.36.153.10", "199.36.153.11"]
  range = "199.36.153.8/30"
}

resource "google_compute_network" "this" {
  project                         = var.project
  name                            = "docledger"
  auto_create_subnetworks         = false
  delete_default_routes_on_create = true
  routing_mode                    = "REGIONAL"
}

resource "google_compute_subnetwork" "this" {
  for_each = var.subnets

  project                  = var.project
  region                   = var.region
  name                     = "docledger-${each.key}"
  network                  = google_compute_network.this.id
  ip_cidr_range            = each.value
  private_ip_google_access = true

  log_config {
    aggregation_interval = "INTERVAL_5_MIN"
    flow_sampling        = 0.5
    metadata             = "INCLUDE_ALL_METADATA"
  }
}

# The default route is gone; this is the only way out.
resource "google_compute_route" "apis" {
  project          = var.project
  name             = "docledger-google-apis"
  description      = "To private.googleapis.com; there is no other route out."
  network          = google_compute_network.this.id
  dest_range       = local.range
  next_hop_gateway = "default-internet-gateway"
}

resource "google_dns_managed_zone" "apis" {
  project     = var.project
  name        = "docledger-googleapis"
  description = "Names of Google's APIs, by their private addresses."
  dns_name    = "googleapis.com."
  visibility  = "private"

  private_visibility_config {
    networks {
      network_url = google_compute_network.this.id
    }
  }
}

resource "google_dns_record_set" "address" {
  project      = var.project
  managed_zone = google_dns_managed_zone.apis.name
  name         = "private.googleapis.com."
  type         = "A"
  ttl          = 300
  rrdatas      = local.apis
}

resource "google_dns_record_set" "any" {
  project      = var.project
  managed_zone = google_dns_managed_zone.apis.name
  name         = "*.googleapis.com."
  type         = "CNAME"
  ttl          = 300
  rrdatas      = [google_dns_record_set.address.name]
}

resource "google_compute_firewall" "nowhere" {
  project            = var.project
  name               = "docledger-nowhere"
  description        = "Nothing leaves, but for what a rule before this one lets out."
  network            = google_compute_network.this.id
  direction          = "EGRESS"
  priority           = 65000
  destination_ranges = ["0.0.0.0/0"]

  deny {
    protocol = "all"
  }

  log_config {
    metadata = "INCLUDE_ALL_METADATA"
  }
}

resource "google_compute_firewall" "apis" {
  project            = var.project
  name               = "docledger-google-apis"
  description        = "To Google's APIs, by HTTPS."
  network            = google_compute_network.this.id
  direction          = "EGRESS"
  priority           = 1000
  destination_ranges = [local.range]

  allow {
    protocol = "tcp"
    ports    = ["443"]
  }
}

resource "google_compute_firewall" "peered" {
  project            = var.project
  name               = "docledger-peered"
  description        = "To the database, by its proxy's port."
  network            = google_compute_network.this.id
  direction          = "EGRESS"
  priority           = 1000
  destination_ranges = [var.peered_range]

  allow {
    protocol = "tcp"
    ports    = ["3307"]
  }
}

resource "google_compute_firewall" "nobody" {
  project       = var.project
  name          = "docledger-nobody"
  description   = "Nobody calls in by this network: deployables are called by Cloud Run's front end."
  network       = google_compute_network.this.id
  direction     = "INGRESS"
  priority      = 65000
  source_ranges = ["0.0.0.0/0"]

  deny {
    protocol = "all"
  }

  log_config {
    metadata = "INCLUDE_ALL_METADATA"
  }
}

resource "google_compute_global_address" "peered" {
  project       = var.project
  name          = "docledger-peered"
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  address       = split("/", var.peered_range)[0]
  prefix_length = tonumber(split("/", var.peered_range)[1])
  network       = google_compute_network.this.id
}

resource "google_service_networking_connection" "peered" {
  network                 = google_compute_network.this.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.peered.name]
}
