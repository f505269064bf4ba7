/* What the start-up code and the HAL of this board share: interrupt handlers and the early console. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

void board_console(void);  /* bring up UART 1, so that the start can be told */
void board_received(void); /* UART 0 has a byte */
void board_sent(void);     /* UART 0 has room */
void board_timer(void);    /* the time to sleep is over */
void board_hung(void);     /* nobody kicked the hardware watchdog */

void board_inject(uint8_t byte); /* as if it had come over the wire */
void board_off(void);            /* the scenario is over */

/* Do what the scenario has for this time; returns the microseconds until its next step. */
uint32_t scenario_turn(uint32_t now_us);

/* Note a change of an output, if a scenario runs. */
void scenario_driven(uint32_t now_us, uint8_t channel, uint16_t duty);

#endif
