"""One file per journey: plain numbered steps inside one transaction."""
