"""The browser: the terminal UI itself, a process for each who looks, behind the same tokens as the REST service."""
