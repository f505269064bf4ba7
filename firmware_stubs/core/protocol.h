/* What the main loop knows of a protocol; one of scpi.c, cobs.c and modbus.c is linked. */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stdint.h>

/* Forget whatever was half received. */
void protocol_init(void);

/* Take one byte from the wire; answers go out at once. */
void protocol_receive(uint8_t byte);

/* Send what is due unasked; returns the microseconds until something is due again. */
uint32_t protocol_tick(void);

#endif
