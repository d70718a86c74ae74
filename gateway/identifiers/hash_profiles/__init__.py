"""Hash profiles: how each platform writes a value before SHA-256. A digest of one cannot become one of another."""
