#include "signals.h"

#include <math.h>

#include "io.h"
#include "profile.h"
#include "watchdog.h"

static float values[SIGNAL_COUNT];

void signals_safe(void)
{
    for (uint8_t i = 0U; i < (uint8_t)SIGNAL_COUNT; i++) {
        if (SIGNALS[i].writable) {
            values[i] = SIGNALS[i].safe;
        }
    }
    io_drive();
}

float signals_get(uint8_t signal)
{
    return values[signal];
}

void signals_set(uint8_t signal, float value)
{
    values[signal] = value;
}

enum outcome signals_judge(uint8_t signal, float value)
{
    const struct signal *s = &SIGNALS[signal];
    /* 3 x 0.1 is a little more than 0.3: the nearest raw number to a limit is within it. */
    const float slack = 1e-6F * (fabsf(s->low) + fabsf(s->high));
    enum outcome outcome = OUTCOME_OK;
    if (!s->writable) {
        outcome = OUTCOME_READ_ONLY;
    } else if (!isfinite(value) || (value < (s->low - slack)) || (value > (s->high + slack))) {
        outcome = OUTCOME_OUT_OF_RANGE;
    } else {
        /* within its limits */
    }
    return outcome;
}

enum outcome signals_command(uint8_t signal, float value)
{
    const enum outcome outcome = signals_judge(signal, value);
    if (outcome == OUTCOME_OK) {
        values[signal] = value;
        io_drive();
        watchdog_feed();
    }
    return outcome;
}
