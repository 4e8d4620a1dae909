"""What holds for all tests."""

from hypothesis import settings

# Machines are shared: how long one example takes says nothing about the code.
settings.register_profile("sealbook", deadline=None)
settings.load_profile("sealbook")
