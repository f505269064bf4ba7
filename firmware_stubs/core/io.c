#include "io.h"

#include <math.h>

#include "clock.h"
#include "hal.h"
#include "profile.h"
#include "signals.h"
#include "watchdog.h"

#define FULL_SCALE     65535.0F
#define ZERO_CELSIUS   273.15F
#define NOMINAL_KELVIN 298.15F /* 25 degC, where a thermistor has its nominal resistance */

/* Degrees Celsius by the beta equation, 1/T = 1/T0 + ln(R/R0)/beta, for a divider from reference to ground.
 */
static float thermistor(const struct input *input, float fraction)
{
    float celsius = NAN; /* a broken or shorted sensor has no temperature */
    if ((fraction > 0.001F) && (fraction < 0.999F)) {
        const float ohm = (input->c * fraction) / (1.0F - fraction);
        celsius = (1.0F / ((1.0F / NOMINAL_KELVIN) + (logf(ohm / input->a) / input->b))) - ZERO_CELSIUS;
    }
    return celsius;
}

static float measure(const struct input *input)
{
    float value;
    switch (input->kind) {
    case INPUT_LINEAR:
        value = input->a + ((input->b - input->a) * ((float)hal_adc(input->channel) / FULL_SCALE));
        break;
    case INPUT_THERMISTOR:
        value = thermistor(input, (float)hal_adc(input->channel) / FULL_SCALE);
        break;
    case INPUT_UPTIME:
        value = clock_uptime();
        break;
    case INPUT_BOOT_REASON:
        value = (float)hal_boot_reason();
        break;
    default: /* INPUT_WATCHDOG_TRIPS */
        value = (float)watchdog_trips();
        break;
    }
    return value;
}

void io_sample(void)
{
    for (uint8_t i = 0U; i < (uint8_t)INPUT_COUNT; i++) {
        signals_set(INPUTS[i].signal, measure(&INPUTS[i]));
    }
}

void io_drive(void)
{
    for (uint8_t i = 0U; i < (uint8_t)OUTPUT_COUNT; i++) {
        const struct output *output = &OUTPUTS[i];
        float duty = (signals_get(output->signal) - output->low) / (output->high - output->low);
        duty = fminf(fmaxf(duty, 0.0F), 1.0F);
        hal_pwm(output->channel, (uint16_t)((duty * FULL_SCALE) + 0.5F));
    }
}

bool io_is_safe(void)
{
    bool safe = true;
    for (uint8_t i = 0U; i < (uint8_t)OUTPUT_COUNT; i++) {
        const uint8_t signal = OUTPUTS[i].signal;
        safe = safe && (signals_get(signal) == SIGNALS[signal].safe);
    }
    return safe;
}
