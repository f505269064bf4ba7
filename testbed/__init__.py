"""Drive, emulate, record and prove the devices of a bench, with a digital twin beside each."""

__version__ = "0.1.0"
