"""Tests of the forwarder to InfluxDB, against a real one."""
