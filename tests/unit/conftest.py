"""Settings of all unit tests."""

from hypothesis import settings

# What a property takes depends on who else uses the machine; a test that hangs runs into pytest's own limit.
settings.register_profile("arrears", deadline=None)
settings.load_profile("arrears")
