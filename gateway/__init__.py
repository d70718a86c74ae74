"""Privacy-first consent and pseudonymization gateway for cross-channel identity mapping."""

__version__ = "0.1.0"
