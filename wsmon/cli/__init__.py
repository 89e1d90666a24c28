"""The command line: thin, every command a few lines around the engine."""
