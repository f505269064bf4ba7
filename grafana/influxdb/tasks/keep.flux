// Copies what is not a sample of a device and is rare (sessions, verdicts, events) to the bucket hil_1m as it
// is, so that the history of a bench outlives the retention of its samples.
option task = {name: "keep sessions, verdicts and events", every: 10m, offset: 1m}

from(bucket: "hil")
    |> range(start: -1h)
    |> filter(fn: (r) => r._measurement =~ /^testbed\.(session|verdict|event)$/)
    |> to(bucket: "hil_1m")
