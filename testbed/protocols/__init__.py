"""Bytes to meaning and back, without any I/O: the same code serves drivers and emulators."""
