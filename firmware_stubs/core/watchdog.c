#include "watchdog.h"

#include <stdbool.h>

#include "clock.h"
#include "hal.h"
#include "io.h"
#include "profile.h"
#include "signals.h"

static bool armed;
static uint32_t fed_us;
static uint16_t trips;

void watchdog_init(void)
{
    armed = false;
    trips = 0U;
}

void watchdog_feed(void)
{
    armed = true;
    fed_us = clock_update();
}

void watchdog_check(void)
{
    if (armed && ((clock_update() - fed_us) >= WATCHDOG_US)) {
        const bool was_safe = io_is_safe();
        armed = false;
        signals_safe();
        if (!was_safe) {
            trips++;
            hal_log("watchdog: no command within " WATCHDOG_TEXT ", outputs brought to their safe values");
        }
    }
}

uint16_t watchdog_trips(void)
{
    return trips;
}
