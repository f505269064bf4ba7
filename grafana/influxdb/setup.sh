#!/bin/sh
# Runs once, when the InfluxDB container sets up its empty volume: a bucket for what is kept long, the
# names under which InfluxQL finds both buckets, and the tasks.
set -eu

id() { # id BUCKET
    influx bucket list --name "$1" --hide-headers | cut -f1
}

influx bucket create --name hil_1m --retention "${LONG_RETENTION:-0}" \
    --description "Means and extremes of each minute"
for bucket in hil hil_1m; do
    influx v1 dbrp create --db "$bucket" --rp autogen --bucket-id "$(id "$bucket")" --default
done
for task in /tasks/*.flux; do
    influx task create --file "$task"
done
