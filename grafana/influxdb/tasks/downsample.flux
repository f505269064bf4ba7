// Keeps mean, lowest and highest value of every minute of every signal in the bucket hil_1m, for longer
// than the samples themselves. Reads ten minutes back, so that what was forwarded late is still in it;
// points that are written twice are the same points.
option task = {name: "downsample to minutes", every: 1m, offset: 30s}

numbers =
    from(bucket: "hil")
        |> range(start: -10m)
        |> filter(fn: (r) => r._measurement !~ /^testbed\./ and r._field !~ /_reason$/)
        |> filter(fn: (r) => r.quality == "good")

keep = (tables=<-, fn, suffix) =>
    tables
        |> aggregateWindow(every: 1m, fn: fn, createEmpty: false, timeSrc: "_start")
        |> map(fn: (r) => ({r with _field: r._field + suffix}))
        |> to(bucket: "hil_1m")

numbers |> keep(fn: mean, suffix: "")
numbers |> keep(fn: min, suffix: "_min")
numbers |> keep(fn: max, suffix: "_max")
