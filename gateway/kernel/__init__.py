"""What everything stands on: ids, the clock, the error families, redaction."""
