/* Numbers on the wire: raw types with a scale, and numbers as text. */
#ifndef NUMBER_H
#define NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "tables.h"

#define NUMBER_TEXT 16 /* bytes that number_format may write, its end included */

/* Bytes that a type takes. */
uint8_t number_size(uint8_t type);

/* Write value / scale as `type` into `out`, high byte first: the nearest number that the type can hold. */
void number_encode(uint8_t type, float scale, float value, uint8_t *out);

/* The value, raw number times scale, of what number_encode wrote. */
float number_decode(uint8_t type, float scale, const uint8_t *in);

/* Reverse `size` bytes, to go between high byte first and low byte first. */
void number_reverse(uint8_t *bytes, uint8_t size);

/* Write a number as text: NR2 with four decimals, NR3 when it is large. Returns its length. */
uint8_t number_format(float value, char *out);

/* Read NR1, NR2 or NR3 text up to its end; false when it is no number. */
bool number_parse(const char *text, float *value);

#endif
