#include "crc16.h"

#include <stdbool.h>

uint16_t crc16_msb(uint16_t crc, uint8_t byte, uint16_t polynomial)
{
    crc ^= (uint16_t)((uint16_t)byte << 8U);
    for (uint8_t bit = 0U; bit < 8U; bit++) {
        const bool carry = (crc & 0x8000U) != 0U;
        crc = (uint16_t)(crc << 1U);
        if (carry) {
            crc ^= polynomial;
        }
    }
    return crc;
}

uint16_t crc16_lsb(uint16_t crc, uint8_t byte, uint16_t polynomial)
{
    crc ^= byte;
    for (uint8_t bit = 0U; bit < 8U; bit++) {
        const bool carry = (crc & 1U) != 0U;
        crc >>= 1U;
        if (carry) {
            crc ^= polynomial;
        }
    }
    return crc;
}
