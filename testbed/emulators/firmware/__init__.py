"""Real firmware at the far end of a wire: on an emulated microcontroller, or built for this machine."""
