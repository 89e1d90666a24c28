"""Runs on this machine: started detached, found again, ended as a whole."""

from wsmon.adapters.runner.local import LocalRunner

__all__ = ["LocalRunner"]
