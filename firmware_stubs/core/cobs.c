/* Framed telemetry and acknowledged commands, as docs/profiles.md (cobs) defines them. */
#include <stdbool.h>
#include <string.h>

#include "clock.h"
#include "crc16.h"
#include "hal.h"
#include "number.h"
#include "profile.h"
#include "protocol.h"
#include "signals.h"
#include "stuffing.h"

#define AROUND    4U   /* type, sequence and CRC around a payload */
#define LONGEST   256U /* a stuffed frame without its delimiter */
#define ANSWER    0x80U
#define LATEST_US 100000 /* telemetry that is later than this is left out, not made up for in a burst */

enum status { STATUS_OK, STATUS_UNKNOWN, STATUS_OUT_OF_RANGE, STATUS_BAD_LENGTH };

static uint8_t heard[LONGEST];
static uint16_t heard_size;
static bool overrun;
static uint32_t due_us[TELEMETRY_COUNT];
static uint8_t sequences[TELEMETRY_COUNT];

static uint16_t checksum(const uint8_t *bytes, uint16_t size)
{
    uint16_t crc = COBS_CRC_INIT;
    for (uint16_t i = 0U; i < size; i++) {
#if COBS_CRC_REFLECTED
        crc = crc16_lsb(crc, bytes[i], COBS_CRC_POLYNOMIAL);
#else
        crc = crc16_msb(crc, bytes[i], COBS_CRC_POLYNOMIAL);
#endif
    }
    return crc;
}

/* Send a frame; one that has no room is lost, and its sequence number tells the controller so. */
static void send(uint8_t kind, uint8_t sequence, const uint8_t *payload, uint8_t size)
{
    uint8_t raw[COBS_LARGEST + AROUND];
    uint8_t stuffed[STUFFED(sizeof raw) + 1U];
    raw[0] = kind;
    raw[1] = sequence;
    (void)memcpy(&raw[2], payload, size);
    const uint16_t body = (uint16_t)(size + 2U);
    const uint16_t crc = checksum(raw, body);
    raw[body] = (uint8_t)crc;
    raw[body + 1U] = (uint8_t)(crc >> 8U);
    const uint16_t length = stuffing_stuff(raw, (uint16_t)(body + 2U), stuffed);
    stuffed[length] = 0U;
    (void)hal_send(stuffed, (uint16_t)(length + 1U));
}

static enum status obey(const uint8_t *frame, uint16_t size)
{
    enum status status = STATUS_UNKNOWN;
    for (uint8_t i = 0U; i < (uint8_t)COMMAND_COUNT; i++) {
        const struct command *command = &COMMANDS[i];
        if (command->kind != frame[0]) {
            continue;
        }
        const uint8_t wanted = number_size(command->type);
        if (size != (uint16_t)(wanted + AROUND)) {
            status = STATUS_BAD_LENGTH;
        } else {
            uint8_t raw[4];
            (void)memcpy(raw, &frame[2], wanted);
            number_reverse(raw, wanted);
            const float value = number_decode(command->type, command->scale, raw);
            status =
                (signals_command(command->signal, value) == OUTCOME_OK) ? STATUS_OK : STATUS_OUT_OF_RANGE;
        }
    }
    return status;
}

/* Take what stood between two delimiters; damaged frames and telemetry types are dropped in silence. */
static void frame(uint8_t *bytes, uint16_t stuffed_size)
{
    const uint16_t size = stuffing_unstuff(bytes, stuffed_size);
    if (size < AROUND) {
        return;
    }
    const uint16_t body = (uint16_t)(size - 2U);
    const uint16_t received = (uint16_t)(bytes[body] | ((uint16_t)bytes[body + 1U] << 8U));
    if ((received == checksum(bytes, body)) && (bytes[0] >= 0x10U) && (bytes[0] < ANSWER)) {
        const uint8_t status = (uint8_t)obey(bytes, size);
        send((uint8_t)(bytes[0] | ANSWER), bytes[1], &status, 1U);
    }
}

void protocol_init(void)
{
    heard_size = 0U;
    overrun = false;
    for (uint8_t i = 0U; i < (uint8_t)TELEMETRY_COUNT; i++) {
        due_us[i] = clock_update();
        sequences[i] = 0U;
    }
}

void protocol_receive(uint8_t byte)
{
    if (byte == 0U) {
        if (!overrun && (heard_size > 0U)) {
            frame(heard, heard_size);
        }
        heard_size = 0U;
        overrun = false;
    } else if (heard_size < LONGEST) {
        heard[heard_size] = byte;
        heard_size++;
    } else {
        overrun = true; /* no frame is so long: skip to the next delimiter */
    }
}

static void send_telemetry(uint8_t index)
{
    const struct telemetry *telemetry = &TELEMETRY[index];
    uint8_t payload[COBS_LARGEST] = {0};
    for (uint8_t i = 0U; i < telemetry->count; i++) {
        const struct field *field = &FIELDS[telemetry->first + i];
        uint8_t *at = &payload[field->offset];
        number_encode(field->type, field->scale, signals_get(field->signal), at);
        number_reverse(at, number_size(field->type));
    }
    send(telemetry->kind, sequences[index], payload, telemetry->size);
    sequences[index]++;
}

uint32_t protocol_tick(void)
{
    uint32_t wait = UINT32_MAX;
    for (uint8_t i = 0U; i < (uint8_t)TELEMETRY_COUNT; i++) {
        const uint32_t period = TELEMETRY[i].period_us;
        int32_t late = (int32_t)(clock_update() - due_us[i]);
        if (late > LATEST_US) {
            due_us[i] += period * ((uint32_t)late / period);
            late = (int32_t)(clock_update() - due_us[i]);
        }
        for (; late >= 0; late -= (int32_t)period) {
            send_telemetry(i);
            due_us[i] += period;
        }
        if ((uint32_t)-late < wait) {
            wait = (uint32_t)-late;
        }
    }
    return wait;
}
