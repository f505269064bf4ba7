/* Time since the start, from the board's counter, which wraps around. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

/* Begin at 0. */
void clock_init(void);

/* Read the counter; to be called at least once in 2^31 us. Returns the time in us, wrapping around. */
uint32_t clock_update(void);

/* Seconds since clock_init. */
float clock_uptime(void);

#endif
