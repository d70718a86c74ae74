"""Benchmarks: each prints ratios of one run; `make bench` runs them all."""
