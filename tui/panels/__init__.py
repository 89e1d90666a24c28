"""The four panels; each gets rows and posts messages."""
