"""What wsmon does, on domain and ports alone."""
