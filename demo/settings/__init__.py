"""The settings of the demo site: `settings.development` and `settings.production`."""
