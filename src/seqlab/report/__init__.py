"""Pages and charts of a run, of any kind. Importing this package imports no drawing library."""
