"""The REST face: thin handlers over the commands service."""
