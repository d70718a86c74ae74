"""Consent: ledger facts and policy in, permits or refusals out. Only this package makes permits."""
