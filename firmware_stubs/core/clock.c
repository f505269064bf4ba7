#include "clock.h"

#include "hal.h"

static uint32_t last_us;
static uint32_t seconds;
static uint32_t rest_us; /* below a second */

void clock_init(void)
{
    last_us = hal_us();
    seconds = 0U;
    rest_us = 0U;
}

uint32_t clock_update(void)
{
    const uint32_t now = hal_us();
    rest_us += now - last_us;
    last_us = now;
    while (rest_us >= 1000000U) {
        rest_us -= 1000000U;
        seconds++;
    }
    return now;
}

float clock_uptime(void)
{
    return (float)seconds + ((float)rest_us * 1e-6F);
}
