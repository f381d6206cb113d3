"""From words on a command line to a composed config, and what is told of a mistake in them. Loads no torch."""
