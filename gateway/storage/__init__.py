"""The world outside: SQLAlchemy schema, stores and the unit of work, on SQLite and PostgreSQL alike."""
