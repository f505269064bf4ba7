/* The node's signals as Modbus registers. */
#ifndef MODBUS_REGISTERS_H
#define MODBUS_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

/* Exception codes (Modbus Application Protocol 1.1b3, chapter 7). */
enum exception { NO_EXCEPTION = 0, ILLEGAL_FUNCTION = 1, ILLEGAL_ADDRESS = 2, ILLEGAL_VALUE = 3 };

/* Read `count` registers, two bytes each, into `out`. */
enum exception modbus_read(bool holding, uint16_t first, uint16_t count, uint8_t *out);

/* Write holding registers: all of them, or none when one cannot be. */
enum exception modbus_write(uint16_t first, uint16_t count, const uint8_t *data);

#endif
