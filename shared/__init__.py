"""What every worker stands on."""
