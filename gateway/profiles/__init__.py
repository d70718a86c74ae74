"""Profiles: the link graph and its partition; merge and split as change objects."""
