"""Tests of gateway.rights."""
