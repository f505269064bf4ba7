/* The command watchdog: a controller that died must not leave the outputs where they are.
 *
 * Only commands content it. Polls do not: something that still reads may have nothing left that controls. */
#ifndef WATCHDOG_H
#define WATCHDOG_H

#include <stdint.h>

/* Begin anew: nothing is driven yet, so nothing is awaited. */
void watchdog_init(void);

/* A valid command came. */
void watchdog_feed(void);

/* Bring the outputs to their safe values if no command came in time; says so on the console and counts. */
void watchdog_check(void);

/* How often it had to. Outputs that were safe anyway do not count. */
uint16_t watchdog_trips(void);

#endif
