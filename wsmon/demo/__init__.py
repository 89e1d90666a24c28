"""A show with real processes, and the checks that it kept its promises."""
