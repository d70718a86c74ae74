"""Policies: `policies/*.yaml` in, frozen typed objects and one digest out. A set with any finding is refused whole."""
