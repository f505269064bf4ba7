/* What a board gives to the firmware. Porting to a board means writing these functions and nothing else. */
#ifndef HAL_H
#define HAL_H

#include <stdbool.h>
#include <stdint.h>

enum boot_reason { BOOT_POWER_ON = 0, BOOT_RESET = 1, BOOT_WATCHDOG = 2, BOOT_BROWN_OUT = 3 };

/* Bring up clock, UART, ADC and PWM; called once, before anything else. */
void hal_init(void);

/* Why the board started, as its hardware tells it. */
enum boot_reason hal_boot_reason(void);

/* Microseconds by a free-running hardware counter; wraps around after 2^32. Never count interrupts for it. */
uint32_t hal_us(void);

/* The next byte that came over the wire, 0 to 255, or -1 when there is none. Never waits. */
int16_t hal_receive(void);

/* Queue bytes for the wire: all of them, or none and false when there is no room. Never waits: a peer that
 * does not read must not hold up the watchdog. */
bool hal_send(const uint8_t *data, uint16_t size);

/* An ADC channel as a fraction of full scale, 0 to 65535, whatever the converter's own width. */
uint16_t hal_adc(uint8_t channel);

/* Drive a PWM channel with a fraction of full duty, 0 to 65535. */
void hal_pwm(uint8_t channel, uint16_t duty);

/* One line for people, without its end, on the debug console; a board without one drops it. */
void hal_log(const char *text);

/* Restart the hardware watchdog's time, which a main loop that hangs no longer does. */
void hal_kick(void);

/* Sleep until a byte comes or about `us` microseconds have passed; may return early. */
void hal_wait(uint32_t us);

#endif
