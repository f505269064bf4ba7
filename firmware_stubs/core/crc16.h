/* The two CRC-16 that the protocols use, bit by bit: a table would cost 512 bytes of a small flash. */
#ifndef CRC16_H
#define CRC16_H

#include <stdint.h>

/* Shift one byte in, highest bit first (crc16-ccitt-false and crc16-xmodem: polynomial 0x1021). */
uint16_t crc16_msb(uint16_t crc, uint8_t byte, uint16_t polynomial);

/* Shift one byte in, lowest bit first (crc16-modbus, crc16-kermit); the polynomial is given reflected. */
uint16_t crc16_lsb(uint16_t crc, uint8_t byte, uint16_t polynomial);

#endif
