"""wsmon watches and runs worksets: state, locks, queue, and a live terminal UI on one engine."""

__version__ = "0.1.0"
