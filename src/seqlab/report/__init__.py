"""The one-file page of a run: ``page`` and ``tables``, ``charts``, ``heat_map``, ``alerts`` for any task,
``detection`` for the sections of a log anomaly run. Importing this package imports no drawing library."""
