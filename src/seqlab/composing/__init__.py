"""From a command line to a composed config, and what a user is told of a mistake in it. Loads no torch."""
