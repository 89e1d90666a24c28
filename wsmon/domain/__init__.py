"""Worksets, states, locks and changes: pure, without input or output; `now` is an argument."""
