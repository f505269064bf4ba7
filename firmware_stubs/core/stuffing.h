/* Consistent Overhead Byte Stuffing (Cheshire and Baker, 1999): bytes without a zero, so that zero ends a
 * frame. */
#ifndef STUFFING_H
#define STUFFING_H

#include <stdint.h>

/* Bytes that `size` bytes may take when stuffed. */
#define STUFFED(size) ((size) + ((size) / 254U) + 1U)

/* Stuff `size` bytes into `out`; returns how many there are then. */
uint16_t stuffing_stuff(const uint8_t *in, uint16_t size, uint8_t *out);

/* Undo it where the bytes are; returns how many are left, 0 when they were no stuffing of anything. */
uint16_t stuffing_unstuff(uint8_t *bytes, uint16_t size);

#endif
