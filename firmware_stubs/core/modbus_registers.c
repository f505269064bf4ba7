#include "modbus_registers.h"

#include <stddef.h>
#include <string.h>

#include "number.h"
#include "profile.h"
#include "signals.h"

static uint8_t registers_of(const struct place *place)
{
    return (uint8_t)(number_size(place->type) / 2U);
}

/* The number whose registers hold `number`; NULL when there is none. */
static const struct place *find(bool holding, uint16_t number)
{
    const struct place *found = NULL;
    for (uint8_t i = 0U; i < (uint8_t)PLACE_COUNT; i++) {
        const struct place *const place = &PLACES[i];
        if ((place->holding == holding) && (number >= place->number) &&
            ((uint16_t)(number - place->number) < registers_of(place))) {
            found = place;
        }
    }
    return found;
}

/* Go between high byte and word first, as numbers are made, and the order of this profile. */
static void reorder(uint8_t *bytes, uint8_t registers)
{
    if (MODBUS_WORDS_LITTLE && (registers == 2U)) {
        uint8_t first[2];
        (void)memcpy(first, bytes, 2U);
        (void)memmove(bytes, &bytes[2], 2U);
        (void)memcpy(&bytes[2], first, 2U);
    }
    for (uint8_t i = 0U; MODBUS_BYTES_LITTLE && (i < registers); i++) {
        number_reverse(&bytes[2U * i], 2U);
    }
}

static void image_of(const struct place *place, uint8_t *image)
{
    number_encode(place->type, place->scale, signals_get(place->signal), image);
    reorder(image, registers_of(place));
}

enum exception modbus_read(bool holding, uint16_t first, uint16_t count, uint8_t *out)
{
    for (uint16_t i = 0U; i < count; i++) {
        const uint16_t number = (uint16_t)(first + i);
        const struct place *const place = find(holding, number);
        uint8_t image[4] = {0};
        if (place != NULL) {
            image_of(place, image);
            (void)memcpy(&out[2U * i], &image[2U * (uint16_t)(number - place->number)], 2U);
        } else if (MODBUS_HOLES_READABLE) {
            (void)memset(&out[2U * i], 0, 2U);
        } else {
            return ILLEGAL_ADDRESS;
        }
    }
    return NO_EXCEPTION;
}

/* The value that `place` has once `data` stands from register `first` on. The controller may write half of a
 * 32-bit value: the other half is as it was. */
static float written(const struct place *place, uint16_t first, uint16_t count, const uint8_t *data)
{
    uint8_t image[4] = {0};
    image_of(place, image);
    for (uint8_t i = 0U; i < registers_of(place); i++) {
        const uint16_t number = (uint16_t)(place->number + i);
        if ((number >= first) && ((uint16_t)(number - first) < count)) {
            (void)memcpy(&image[2U * i], &data[2U * (uint16_t)(number - first)], 2U);
        }
    }
    reorder(image, registers_of(place));
    return number_decode(place->type, place->scale, image);
}

enum exception modbus_write(uint16_t first, uint16_t count, const uint8_t *data)
{
    for (uint16_t i = 0U; i < count; i++) {
        const struct place *const place = find(true, (uint16_t)(first + i));
        if (place == NULL) {
            return ILLEGAL_ADDRESS;
        }
        const enum outcome outcome = signals_judge(place->signal, written(place, first, count, data));
        if (outcome != OUTCOME_OK) {
            return (outcome == OUTCOME_READ_ONLY) ? ILLEGAL_ADDRESS : ILLEGAL_VALUE;
        }
    }
    const struct place *last = NULL;
    for (uint16_t i = 0U; i < count; i++) {
        const struct place *const place = find(true, (uint16_t)(first + i));
        if (place != last) {
            (void)signals_command(place->signal, written(place, first, count, data));
            last = place;
        }
    }
    return NO_EXCEPTION;
}
