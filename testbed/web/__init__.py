"""The face in the browser: a process that reads session files and asks the run for what people want."""
