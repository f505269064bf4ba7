/* The pins of a board without pins: one page of memory that the emulator shares with the firmware.
 *
 * The emulator writes what the ADC reads, the firmware writes what its PWM drives. */
#ifndef WINDOW_H
#define WINDOW_H

#include <stdint.h>

#define WINDOW_CHANNELS 16U

struct window {
    uint32_t adc[WINDOW_CHANNELS]; /* fraction of full scale, 0 to 65535 */
    uint32_t pwm[WINDOW_CHANNELS]; /* fraction of full duty, 0 to 65535 */
    uint32_t supply;               /* the supply supervisor's latch: an enum boot_reason */
};

#endif
