"""What judging a model gives, for report, run folder and trackers alike. Imports nothing of the package."""
