/* Modbus RTU: functions 3, 4, 6 and 16 (Modbus Application Protocol 1.1b3; Modbus over Serial Line 1.02). */
#include <stdbool.h>
#include <string.h>

#include "clock.h"
#include "crc16.h"
#include "hal.h"
#include "modbus_registers.h"
#include "profile.h"
#include "protocol.h"

#define SHORTEST  4U /* unit, function, CRC */
#define LONGEST   256U
#define BROADCAST 0U
/* A frame that stops in the middle is given up after this silence. The standard's 1.5 characters cannot be
 * kept behind USB adapters, which pause for milliseconds. */
#define PATIENCE_US 20000U

#define READ_HOLDING   3U
#define READ_INPUT     4U
#define WRITE_SINGLE   6U
#define WRITE_MULTIPLE 16U
#define EXCEPTION      0x80U
#define MOST_READ      125U
#define MOST_WRITTEN   123U

static uint8_t heard[LONGEST];
static uint16_t heard_size;
static uint32_t heard_us;
static uint8_t reply[MODBUS_LARGEST_REPLY];

static uint16_t word(const uint8_t *at)
{
    return (uint16_t)(((uint16_t)at[0] << 8U) | at[1]);
}

static uint16_t checksum(const uint8_t *bytes, uint16_t size)
{
    uint16_t crc = 0xFFFFU;
    for (uint16_t i = 0U; i < size; i++) {
        crc = crc16_lsb(crc, bytes[i], 0xA001U);
    }
    return crc;
}

/* Requests ------------------------------------------------------------------------------------- */

/* Answer a read in `reply`; the size of the PDU, or 0 with the exception. */
static uint16_t answer_read(const uint8_t *pdu, enum exception *exception)
{
    const uint16_t count = word(&pdu[3]);
    uint16_t size = 0U;
    if ((count == 0U) || (count > MOST_READ)) {
        *exception = ILLEGAL_VALUE;
    } else if ((5U + (2U * count)) > sizeof reply) {
        *exception = ILLEGAL_ADDRESS; /* more registers than there are */
    } else {
        *exception = modbus_read(pdu[0] == READ_HOLDING, word(&pdu[1]), count, &reply[3]);
        reply[2] = (uint8_t)(2U * count);
        size = (uint16_t)(2U + (2U * count));
    }
    return size;
}

static uint16_t answer_write(const uint8_t *pdu, uint16_t size, enum exception *exception)
{
    if (pdu[0] == WRITE_SINGLE) {
        *exception = modbus_write(word(&pdu[1]), 1U, &pdu[3]);
    } else {
        const uint16_t count = word(&pdu[3]);
        if ((count == 0U) || (count > MOST_WRITTEN) || (pdu[5] != (2U * count)) ||
            (size != (6U + (2U * count)))) {
            *exception = ILLEGAL_VALUE;
        } else {
            *exception = modbus_write(word(&pdu[1]), count, &pdu[6]);
        }
    }
    (void)memcpy(&reply[2], &pdu[1], 4U); /* both echo address and value or count */
    return 5U;
}

static void request(const uint8_t *frame, uint16_t frame_size)
{
    const uint8_t *const pdu = &frame[1];
    enum exception exception = ILLEGAL_FUNCTION;
    uint16_t size = 0U;
    if ((pdu[0] == READ_HOLDING) || (pdu[0] == READ_INPUT)) {
        size = answer_read(pdu, &exception);
    } else if ((pdu[0] == WRITE_SINGLE) || (pdu[0] == WRITE_MULTIPLE)) {
        size = answer_write(pdu, (uint16_t)(frame_size - 3U), &exception);
    } else {
        /* no other function is here */
    }
    if (frame[0] == BROADCAST) {
        return; /* what all are told, nobody answers */
    }
    reply[0] = frame[0];
    reply[1] = pdu[0];
    if (exception != NO_EXCEPTION) {
        reply[1] |= EXCEPTION;
        reply[2] = (uint8_t)exception;
        size = 2U;
    }
    const uint16_t crc = checksum(reply, (uint16_t)(size + 1U));
    reply[size + 1U] = (uint8_t)crc;
    reply[size + 2U] = (uint8_t)(crc >> 8U);
    (void)hal_send(reply, (uint16_t)(size + 3U));
}

/* Frames --------------------------------------------------------------------------------------- */

/* The size of the request that may begin here; more than there is while it is not whole, 0 if none can. */
static uint16_t request_size(const uint8_t *frame, uint16_t size)
{
    uint16_t wanted = 8U;
    const uint8_t function = frame[1];
    if ((function == 15U) || (function == WRITE_MULTIPLE)) {
        wanted = (size < 7U) ? 7U : (uint16_t)(9U + frame[6]);
    } else if ((function == 7U) || (function == 11U) || (function == 12U) || (function == 17U)) {
        wanted = 4U;
    } else if ((function == 0U) || (function > 127U)) {
        wanted = 0U;
    } else if ((function > 6U) && (function != 8U)) {
        /* Its length is not known: to us, it is a frame as soon as all that came is one. */
        wanted = (frame[0] == MODBUS_UNIT) ? size : 0U;
    } else {
        /* eight bytes */
    }
    return (wanted <= LONGEST) ? wanted : 0U;
}

static bool is_sound(const uint8_t *frame, uint16_t size)
{
    const uint16_t crc = (uint16_t)(frame[size - 2U] | ((uint16_t)frame[size - 1U] << 8U));
    return checksum(frame, (uint16_t)(size - 2U)) == crc;
}

static bool is_to_us(const uint8_t *frame)
{
    return (frame[0] == MODBUS_UNIT) || (frame[0] == BROADCAST);
}

static void forget(uint16_t size)
{
    heard_size -= size;
    (void)memmove(heard, &heard[size], heard_size);
}

/* Take whole requests, wherever they begin: noise before one may look like the beginning of another. */
static void take(void)
{
    uint16_t keep = heard_size; /* where the first request begins that is not whole yet */
    uint16_t at = 0U;
    while ((at + SHORTEST) <= heard_size) {
        const uint16_t rest = (uint16_t)(heard_size - at);
        const uint16_t size = request_size(&heard[at], rest);
        if ((size >= SHORTEST) && (size <= rest) && is_sound(&heard[at], size)) {
            if (is_to_us(&heard[at])) {
                request(&heard[at], size);
            }
            forget((uint16_t)(at + size));
            keep = heard_size;
            at = 0U;
        } else {
            if ((size >= rest) && is_to_us(&heard[at]) && (keep == heard_size)) {
                keep = at;
            }
            at++;
        }
    }
    forget((keep < at) ? keep : at);
}

void protocol_init(void)
{
    heard_size = 0U;
    heard_us = clock_update();
}

void protocol_receive(uint8_t byte)
{
    const uint32_t now = clock_update();
    if ((now - heard_us) > PATIENCE_US) {
        heard_size = 0U;
    }
    heard_us = now;
    heard[heard_size] = byte;
    heard_size++;
    take();
    if (heard_size >= LONGEST) {
        forget(1U);
    }
}

uint32_t protocol_tick(void)
{
    return UINT32_MAX; /* a server speaks when it is asked */
}
