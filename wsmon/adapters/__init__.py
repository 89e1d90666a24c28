"""One port, one place: how each meets the world."""
