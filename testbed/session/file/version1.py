"""Lets a session file of version 1 be read as one of today: views in its place, made anew by each reader.

Version 1 had no checksums, no ids in its small tables, no numbers of frames and cycles, none of a
controller's terms and no states of twins.
"""

from __future__ import annotations

VIEWS = """
CREATE TEMP VIEW meta AS
    SELECT row_number() OVER (ORDER BY key) AS id, key, value, NULL AS crc FROM main.meta;
CREATE TEMP VIEW attachments AS
    SELECT rowid AS id, name, sha256, NULL AS crc, data FROM main.attachments;
CREATE TEMP VIEW signals AS SELECT *, NULL AS crc FROM main.signals;
CREATE TEMP VIEW chunks AS
    SELECT id, signal, first, n, t0, t1, vmin, tmin, vmax, tmax, NULL AS crc, qualities, times, samples
    FROM main.chunks;
CREATE TEMP VIEW reasons AS
    SELECT row_number() OVER (ORDER BY signal, first) AS id, signal, first, time_ns, quality, reason,
        NULL AS crc
    FROM main.reasons;
CREATE TEMP VIEW frames AS
    SELECT id, device, sum(n) OVER (PARTITION BY device ORDER BY id) - n AS first, n, t0, t1,
        0 AS marks, NULL AS crc, times, directions, lengths, data
    FROM main.frames;
CREATE TEMP VIEW commands AS SELECT *, NULL AS asked, NULL AS crc FROM main.commands;
CREATE TEMP VIEW events AS SELECT *, NULL AS crc FROM main.events;
CREATE TEMP VIEW loops AS
    SELECT row_number() OVER (ORDER BY name) AS id, name, NULL AS crc FROM main.loops;
CREATE TEMP VIEW cycles AS
    SELECT id, loop, sum(n) OVER (PARTITION BY loop ORDER BY id) - n AS first, n, t0, t1, NULL AS crc,
        times, lateness, age, latency, acknowledged, flags,
        NULL AS setpoint, NULL AS measured, NULL AS output, NULL AS p, NULL AS i, NULL AS d
    FROM main.cycles;
CREATE TEMP VIEW twin_states AS
    SELECT NULL AS id, NULL AS device, NULL AS time_ns, NULL AS state, NULL AS crc WHERE 0;
CREATE TEMP VIEW ticks AS
    SELECT NULL AS id, NULL AS owner, NULL AS ticker, NULL AS due_ns, NULL AS crc WHERE 0;
CREATE TEMP VIEW holdups AS SELECT NULL AS id, NULL AS from_ns, NULL AS to_ns, NULL AS crc WHERE 0;
CREATE TEMP VIEW clock_pairs AS
    SELECT rowid AS id, session_ns, utc_ns, NULL AS crc FROM main.clock_pairs;
"""

LATER = """
CREATE TEMP VIEW overtaken AS
    SELECT NULL AS id, NULL AS device, NULL AS time_ns, NULL AS after_ns, NULL AS crc WHERE 0;
"""
"""A table that the first files of version 2 lack as well."""
