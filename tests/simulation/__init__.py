"""The real services on a virtual clock, under faults drawn from a seed, with every invariant checked at every write."""
