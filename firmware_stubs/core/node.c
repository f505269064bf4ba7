#include "node.h"

#include "clock.h"
#include "hal.h"
#include "io.h"
#include "profile.h"
#include "protocol.h"
#include "signals.h"
#include "watchdog.h"

#define SAMPLE_US   10000U /* inputs are read 100 times a second, and the watchdog is looked after */
#define SHORTEST_US 1000U  /* telemetry that is faster goes out in bursts: each wake-up has its price */

static uint32_t sampled_us;

static const char *const BOOT_TEXTS[] = {
    [BOOT_POWER_ON] = "boot: " PROFILE_NAME ", power on",
    [BOOT_RESET] = "boot: " PROFILE_NAME ", reset",
    [BOOT_WATCHDOG] = "boot: " PROFILE_NAME ", the main loop hung: reset by the hardware watchdog",
    [BOOT_BROWN_OUT] = "boot: " PROFILE_NAME ", the supply broke down",
};

void node_init(void)
{
    hal_init();
    clock_init();
    watchdog_init();
    signals_safe();
    io_sample();
    sampled_us = clock_update();
    protocol_init();
    hal_log(BOOT_TEXTS[hal_boot_reason()]);
}

void node_turn(void)
{
    for (int16_t byte = hal_receive(); byte >= 0; byte = hal_receive()) {
        protocol_receive((uint8_t)byte);
    }
    const uint32_t since = clock_update() - sampled_us;
    if (since >= SAMPLE_US) {
        /* Whole periods, so that the rate holds; after a hang the missed ones are let go. */
        sampled_us += SAMPLE_US * (since / SAMPLE_US);
        io_sample();
    }
    watchdog_check();
    uint32_t wait = protocol_tick();
    const uint32_t worked = clock_update() - sampled_us;
    const uint32_t until_sample = (worked < SAMPLE_US) ? (SAMPLE_US - worked) : 0U;
    if (until_sample < wait) {
        wait = until_sample;
    }
    hal_kick();
    hal_wait((wait > SHORTEST_US) ? wait : SHORTEST_US);
}
