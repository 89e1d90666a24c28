"""What keys do beyond the panels' screen; each part is loaded when the first of its keys is pressed."""
