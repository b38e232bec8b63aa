"""From words on a command line to a serving process."""
