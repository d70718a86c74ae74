"""Key services, the journal and other things outside the database, behind what the domain declares."""
