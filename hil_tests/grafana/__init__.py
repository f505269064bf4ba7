"""Tests of dashboards and alert rules: as JSON, and against a real InfluxDB."""
