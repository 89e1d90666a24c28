"""What lies over the panels."""
