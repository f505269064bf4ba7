/* The pins of a board without pins: memory that the emulator shares with the firmware.
 *
 * The emulator writes what the ADC reads, the firmware writes what its PWM drives. A scenario is a list of
 * what is to happen at the pins and on the wire at which microsecond: all of it is there before the firmware
 * starts, so nothing depends on when the emulator's machine gets round to it. Without one, steps is 0. */
#ifndef WINDOW_H
#define WINDOW_H

#include <stdint.h>

#define WINDOW_CHANNELS 16U
#define WINDOW_STEPS    4096U
#define WINDOW_TRACES   4096U

enum step_kind { STEP_END, STEP_ADC, STEP_BYTE };

/* One thing that happens: the end, an ADC channel taking a value, a byte coming over the wire. */
struct step {
    uint32_t us;
    uint16_t kind;
    uint16_t channel;
    uint32_t value;
};

/* One change of a PWM channel while a scenario runs. */
struct trace {
    uint32_t us;
    uint32_t channel;
    uint32_t duty;
};

struct window {
    uint32_t adc[WINDOW_CHANNELS]; /* fraction of full scale, 0 to 65535 */
    uint32_t pwm[WINDOW_CHANNELS]; /* fraction of full duty, 0 to 65535 */
    uint32_t supply;               /* the supply supervisor's latch: an enum boot_reason */
    uint32_t steps;                /* how many steps the scenario has */
    uint32_t traces;               /* how many changes the firmware has traced */
    struct step step[WINDOW_STEPS];
    struct trace trace[WINDOW_TRACES];
};

#endif
