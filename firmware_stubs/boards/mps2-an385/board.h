/* What the start-up code and the HAL of this board share: interrupt handlers and the early console. */
#ifndef BOARD_H
#define BOARD_H

void board_console(void);  /* bring up UART 1, so that the start can be told */
void board_received(void); /* UART 0 has a byte */
void board_sent(void);     /* UART 0 has room */
void board_timer(void);    /* the time to sleep is over */
void board_hung(void);     /* nobody kicked the hardware watchdog */

#endif
