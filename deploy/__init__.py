"""What runs the workers."""
