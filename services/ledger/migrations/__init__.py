"""The journal's schema, migration by migration."""
