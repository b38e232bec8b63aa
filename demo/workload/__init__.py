"""What both demo sites, the Django one and the plain one, have to show; standard library only."""
