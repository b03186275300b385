"""The steps from an empty database to `cds.store.tables`."""
