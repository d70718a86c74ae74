"""Raw value -> normal form -> digest -> pseudonym, and the keys for it."""
