#include "stuffing.h"

#define FULL 0xFFU /* the code of 254 bytes that no zero follows */

uint16_t stuffing_stuff(const uint8_t *in, uint16_t size, uint8_t *out)
{
    uint16_t code_at = 0U;
    uint16_t length = 1U;
    uint8_t code = 1U;
    for (uint16_t i = 0U; i < size; i++) {
        if (code == FULL) {
            out[code_at] = code;
            code_at = length;
            length++;
            code = 1U;
        }
        if (in[i] != 0U) {
            out[length] = in[i];
            length++;
            code++;
        } else {
            out[code_at] = code;
            code_at = length;
            length++;
            code = 1U;
        }
    }
    out[code_at] = code;
    return length;
}

uint16_t stuffing_unstuff(uint8_t *bytes, uint16_t size)
{
    uint16_t length = 0U;
    uint16_t at = 0U;
    while (at < size) {
        const uint8_t code = bytes[at];
        const uint16_t end = (uint16_t)(at + code);
        if ((code == 0U) || (end > size)) {
            return 0U;
        }
        for (at++; at < end; at++) {
            bytes[length] = bytes[at];
            length++;
        }
        if ((code != FULL) && (at < size)) {
            bytes[length] = 0U;
            length++;
        }
    }
    return length;
}
