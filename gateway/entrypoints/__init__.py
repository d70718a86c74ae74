"""The doors: each parses, calls one flow, and renders. No door imports another."""
