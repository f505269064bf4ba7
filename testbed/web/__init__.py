"""The face in the browser: a process of its own that reads session files, and asks the run what people want of it."""
