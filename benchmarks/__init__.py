"""Every number that we promise, measured against a peer in the same run."""
