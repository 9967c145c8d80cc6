"""Relational databases: SQLite on one machine, PostgreSQL for many; one way to ask both."""
