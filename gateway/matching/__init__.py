"""Matching: which profiles a record touches and what that is worth. Tier (a), shared identifiers, lives here."""
