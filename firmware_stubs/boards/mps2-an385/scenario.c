/* A scripted run: what happens at the pins and on the wire comes from a list in memory, by the board's own
 * clock.
 *
 * Under QEMU with -icount the clock counts instructions, so that the same list gives the same run, byte for
 * byte. */
#include "board.h"
#include "window.h"

#define WINDOW ((volatile struct window *)0x21000000U)

static uint32_t next;

static void take(const volatile struct step *step)
{
    switch (step->kind) {
    case STEP_ADC:
        WINDOW->adc[step->channel % WINDOW_CHANNELS] = step->value;
        break;
    case STEP_BYTE:
        board_inject((uint8_t)step->value);
        break;
    default: /* STEP_END */
        board_off();
        break;
    }
}

uint32_t scenario_turn(uint32_t now_us)
{
    while ((next < WINDOW->steps) && (WINDOW->step[next].us <= now_us)) {
        take(&WINDOW->step[next]);
        next++;
    }
    return (next < WINDOW->steps) ? (WINDOW->step[next].us - now_us) : UINT32_MAX;
}

void scenario_driven(uint32_t now_us, uint8_t channel, uint16_t duty)
{
    const uint32_t count = WINDOW->traces;
    if ((WINDOW->steps > 0U) && (count < WINDOW_TRACES) && (WINDOW->pwm[channel] != duty)) {
        WINDOW->trace[count].us = now_us;
        WINDOW->trace[count].channel = channel;
        WINDOW->trace[count].duty = duty;
        WINDOW->traces = count + 1U;
    }
}
